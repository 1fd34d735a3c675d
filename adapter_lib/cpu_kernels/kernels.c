/* What a frozen transformer does between its matrix products, for CPUs with AVX-512.
 *
 * Plain functions on memory that Python has checked: it gives addresses, and nothing
 * here is looked at twice. bfloat16 is the upper half of a float32; sums are always in float32.
 * Compiled for x86-64-v4; the module must not be loaded on a processor without that.
 *
 * Legend for shapes: n tokens, d hidden, h heads, k size of a head, s queries, t keys.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16
#define WIDEST 2048 /* d */
#define INLINE static inline __attribute__((always_inline))

typedef __m512 floats;

INLINE floats all(float x) { return _mm512_set1_ps(x); }

/* The lanes that hold the next elements, of which `left` are to come. */
INLINE __mmask16 lanes(int64_t left) { return left < LANES ? (__mmask16)((1u << left) - 1) : (__mmask16)-1; }

INLINE floats load_float(const float *from) { return _mm512_loadu_ps(from); }
INLINE floats load_some_floats(const float *from, __mmask16 some) { return _mm512_maskz_loadu_ps(some, from); }
INLINE void store_float(float *to, floats x) { _mm512_storeu_ps(to, x); }
INLINE void store_some_floats(float *to, floats x, __mmask16 some) { _mm512_mask_storeu_ps(to, some, x); }

INLINE floats of_halves(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/* Round to the nearest bfloat16, to the even one between two; NaN stays NaN. */
INLINE __m256i to_halves(floats x) {
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    rounded = _mm512_mask_mov_epi32(rounded, nan, _mm512_set1_epi32(0x7fc00000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

INLINE floats load_half(const uint16_t *from) { return of_halves(_mm256_loadu_epi16(from)); }
INLINE floats load_some_halves(const uint16_t *from, __mmask16 some) {
    return of_halves(_mm256_maskz_loadu_epi16(some, from));
}
INLINE void store_half(uint16_t *to, floats x) { _mm256_storeu_epi16(to, to_halves(x)); }
INLINE void store_some_halves(uint16_t *to, floats x, __mmask16 some) {
    _mm256_mask_storeu_epi16(to, some, to_halves(x));
}

/* The lanes among `some` that dropout keeps: those whose level is not below `lowest`. The others are
 * multiplied with zero and not left out, so that NaN and infinity are not hidden. */
INLINE __mmask16 kept_lanes(const int8_t *levels, int lowest, __mmask16 some) {
    return _mm_mask_cmpge_epi8_mask(some, _mm_maskz_loadu_epi8(some, levels), _mm_set1_epi8(lowest));
}

/* e^x for x <= 0, to 2 units in the last place: 2^n times a polynomial of what is left of x. NaN
 * stays NaN. Far below what a float can hold x says nothing more, and what is left of it would be
 * rounding alone. */
INLINE floats exponential(floats x) {
    const int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    x = _mm512_max_ps(all(-128), x); /* the second where one is NaN */
    floats n = _mm512_roundscale_ps(x * 1.44269504f, nearest);
    floats r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    floats p = r * 1.3888889e-3f + 8.3333333e-3f;
    p = p * r + 4.1666667e-2f;
    p = p * r + 1.6666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return _mm512_scalef_ps(p, n);
}

/* 16 of x + residual; there may be no residual. */
INLINE floats term(const char *x, const float *residual, int64_t i, int half) {
    floats value = half ? load_half((const uint16_t *)x + i) : load_float((const float *)x + i);
    if (residual) value += load_float(residual + i);
    return value;
}

typedef struct {
    const void *x;         /* (n, d) */
    const float *residual; /* (n, d), or NULL for nothing */
    const float *weight, *bias;
    int64_t n, d;
    float eps;
    int x_is_half;
} Normed;

/* The sum, its LayerNorm in float32 and in bfloat16, each where it is asked for, (n, d), and mean
 * and reciprocal deviation of each token, (n, 2). */
INLINE void normed_sum_of(Normed a, float *total, float *y, uint16_t *low, float *moments, int half) {
    for (int64_t row = 0; row < a.n; row++) {
        const char *x = (const char *)a.x + row * a.d * (half ? 2 : 4);
        const float *residual = a.residual ? a.residual + row * a.d : NULL;
        float *kept = total ? total + row * a.d : NULL;
        floats first = all(0), second = all(0);
        float buffer[WIDEST];
        for (int64_t i = 0; i < a.d; i += LANES) {
            floats value = term(x, residual, i, half);
            store_float(buffer + i, value);
            if (kept) store_float(kept + i, value);
            first += value;
        }
        float mean = _mm512_reduce_add_ps(first) / a.d;
        for (int64_t i = 0; i < a.d; i += LANES) {
            floats value = load_float(buffer + i) - mean;
            second += value * value;
        }
        float scale = 1.0f / sqrtf(_mm512_reduce_add_ps(second) / a.d + a.eps);
        moments[2 * row] = mean;
        moments[2 * row + 1] = scale;
        for (int64_t i = 0; i < a.d; i += LANES) {
            floats value = (load_float(buffer + i) - mean) * scale;
            value = value * load_float(a.weight + i) + load_float(a.bias + i);
            if (y) store_float(y + row * a.d + i, value);
            if (low) store_half(low + row * a.d + i, value);
        }
    }
}

static void normed_sum(Normed a, float *total, float *y, uint16_t *low, float *moments) {
    if (a.x_is_half) normed_sum_of(a, total, y, low, moments, 1);
    else normed_sum_of(a, total, y, low, moments, 0);
}

/* The gradient by both terms, as float32 and in bfloat16, each where it is asked for, from those
 * by the sum, by y and by its bfloat16 twin, each where there is one. */
INLINE void normed_sum_backward_of(
    Normed a, const float *moments, const float *by_total, const float *by_y, const uint16_t *by_low,
    float *by, uint16_t *by_half, int half) {
    for (int64_t row = 0; row < a.n; row++) {
        const char *x = (const char *)a.x + row * a.d * (half ? 2 : 4);
        const float *residual = a.residual ? a.residual + row * a.d : NULL;
        float mean = moments[2 * row], scale = moments[2 * row + 1];
        floats first = all(0), second = all(0);
        float normal[WIDEST], weighted[WIDEST];
        for (int64_t i = 0; i < a.d; i += LANES) {
            floats value = (term(x, residual, i, half) - mean) * scale;
            floats g = all(0);
            if (by_y) g += load_float(by_y + row * a.d + i);
            if (by_low) g += load_half(by_low + row * a.d + i);
            g *= load_float(a.weight + i);
            store_float(normal + i, value);
            store_float(weighted + i, g);
            first += g;
            second += g * value;
        }
        float m = _mm512_reduce_add_ps(first) / a.d, c = _mm512_reduce_add_ps(second) / a.d;
        for (int64_t i = 0; i < a.d; i += LANES) {
            floats g = (load_float(weighted + i) - m - load_float(normal + i) * c) * scale;
            if (by_total) g += load_float(by_total + row * a.d + i);
            if (by) store_float(by + row * a.d + i, g);
            if (by_half) store_half(by_half + row * a.d + i, g);
        }
    }
}

static void normed_sum_backward(
    Normed a, const float *moments, const float *by_total, const float *by_y, const uint16_t *by_low,
    float *by, uint16_t *by_half) {
    if (a.x_is_half) normed_sum_backward_of(a, moments, by_total, by_y, by_low, by, by_half, 1);
    else normed_sum_backward_of(a, moments, by_total, by_y, by_low, by, by_half, 0);
}

/* Products of small matrices in float32, (m, n) = (m, p) · (p, n); m counts whole groups of rows,
 * n whole vectors. a's element (i, p) is a[i · by_row + p · by_column], so that it may be transposed. */
enum { GROUP = 8 };

#define BLOCK(VECTORS)                                                                             \
    INLINE void block_##VECTORS(                                                                   \
        const float *a, int64_t by_row, int64_t by_column, const float *b, int64_t b_row, float *c, \
        int64_t c_row, int64_t depth, int add) {                                                   \
        floats got[GROUP][VECTORS];                                                                \
        for (int i = 0; i < GROUP; i++)                                                            \
            for (int j = 0; j < VECTORS; j++)                                                      \
                got[i][j] = add ? load_float(c + i * c_row + j * LANES) : all(0);                  \
        for (int64_t p = 0; p < depth; p++) {                                                      \
            floats row[VECTORS];                                                                   \
            for (int j = 0; j < VECTORS; j++) row[j] = load_float(b + p * b_row + j * LANES);      \
            for (int i = 0; i < GROUP; i++) {                                                      \
                floats each = all(a[i * by_row + p * by_column]);                                  \
                for (int j = 0; j < VECTORS; j++) got[i][j] += each * row[j];                      \
            }                                                                                      \
        }                                                                                          \
        for (int i = 0; i < GROUP; i++)                                                            \
            for (int j = 0; j < VECTORS; j++) store_float(c + i * c_row + j * LANES, got[i][j]);   \
    }
BLOCK(2)
BLOCK(1)

INLINE void product(
    const float *a, int64_t by_row, int64_t by_column, const float *b, int64_t b_row, float *c,
    int64_t c_row, int64_t m, int64_t depth, int64_t n, int add) {
    int64_t j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES)
        for (int64_t i = 0; i < m; i += GROUP)
            block_2(a + i * by_row, by_row, by_column, b + j, b_row, c + i * c_row + j, c_row, depth, add);
    if (j < n)
        for (int64_t i = 0; i < m; i += GROUP)
            block_1(a + i * by_row, by_row, by_column, b + j, b_row, c + i * c_row + j, c_row, depth, add);
}

/* 16 rows of 16 to 16 columns. Pairs of rows are interleaved, then pairs of pairs, then quarters. */
INLINE void turn(const float *from, int64_t from_row, float *to, int64_t to_row) {
    floats x[LANES], y[LANES];
    for (int i = 0; i < LANES; i++) x[i] = load_float(from + i * from_row);
    for (int i = 0; i < LANES; i += 2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < LANES; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512d a = _mm512_castps_pd(y[i + j]), b = _mm512_castps_pd(y[i + j + 2]);
            x[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            x[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    for (int i = 0; i < 8; i++) {
        int at = i / 4 * 8 + i % 4;
        y[at] = _mm512_shuffle_f32x4(x[at], x[at + 4], 0x88);
        y[at + 4] = _mm512_shuffle_f32x4(x[at], x[at + 4], 0xdd);
    }
    for (int i = 0; i < 8; i++) {
        store_float(to + i % 8 * to_row, _mm512_shuffle_f32x4(y[i], y[i + 8], 0x88));
        store_float(to + (i + 8) * to_row, _mm512_shuffle_f32x4(y[i], y[i + 8], 0xdd));
    }
}

/* One batch of attention. Each row of it has its own numbers of queries and keys.
 *
 * `rows`: for each, where its queries, keys (and values), outputs and weights begin; how far apart
 * its heads' weights are, and those of its queries, all in elements; and how many queries and keys
 * it has. Tokens lie `*_token` elements apart, heads k; levels lie as weights do.
 * A level below `lowest` says that a weight is dropped; what is kept is multiplied with `kept`.
 * Stored weights are those before dropout, with a minus where it dropped them. */
typedef struct {
    const void *query, *key, *value;
    void *weights; /* NULL if no gradient will be asked for */
    const int8_t *levels; /* NULL without dropout */
    const int64_t *rows;
    int64_t count, heads, size, query_token, key_token, value_token;
    int lowest;
    float kept, scale;
} Attention;

enum { QUERIES, KEYS, OUTPUTS, WEIGHTS, WEIGHTS_HEAD, WEIGHTS_QUERY, QUERY_COUNT, KEY_COUNT, NUMBERS };
enum { QUERY_BLOCK = 32 };

INLINE int64_t rounded(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

/* So many zeros, a multiple of 16; NULL if there is not enough memory. */
static float *buffer_of(int64_t count) {
    float *memory = aligned_alloc(64, sizeof(float) * count);
    return memory ? memset(memory, 0, sizeof(float) * count) : NULL;
}

static int64_t most_keys(const Attention *a) {
    int64_t most = 1;
    for (int64_t r = 0; r < a->count; r++) {
        int64_t keys = a->rows[r * NUMBERS + KEY_COUNT];
        most = keys > most ? keys : most;
    }
    return most;
}

#define STORED uint16_t
#define LOAD load_half
#define STORE store_half
#define LOAD_SOME load_some_halves
#define STORE_SOME store_some_halves
#define NAME(x) x##_half
#include "attention.h"
#undef STORED
#undef LOAD
#undef STORE
#undef LOAD_SOME
#undef STORE_SOME
#undef NAME
#define STORED float
#define LOAD load_float
#define STORE store_float
#define LOAD_SOME load_some_floats
#define STORE_SOME store_some_floats
#define NAME(x) x##_float
#include "attention.h"

/* From here on: what Python sees. Every function takes addresses and numbers, lets other threads
 * run meanwhile, and returns None. */

#define POINTER(x) ((void *)(uintptr_t)(x))

static PyObject *call_dropout(PyObject *self, PyObject *args) {
    unsigned long long x, levels, y;
    long long n;
    int lowest, is_half;
    float kept;
    if (!PyArg_ParseTuple(args, "KKKLifi", &x, &levels, &y, &n, &lowest, &kept, &is_half)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    if (is_half) dropout_half(POINTER(x), POINTER(levels), POINTER(y), n, lowest, kept);
    else dropout_float(POINTER(x), POINTER(levels), POINTER(y), n, lowest, kept);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *call_normed_sum(PyObject *self, PyObject *args) {
    unsigned long long x, residual, weight, bias, total, y, low, moments;
    long long n, d;
    float eps;
    int is_half;
    if (!PyArg_ParseTuple(args, "KKKKLLfiKKKK", &x, &residual, &weight, &bias, &n, &d, &eps, &is_half,
                          &total, &y, &low, &moments))
        return NULL;
    Normed a = {POINTER(x), POINTER(residual), POINTER(weight), POINTER(bias), n, d, eps, is_half};
    Py_BEGIN_ALLOW_THREADS
    normed_sum(a, POINTER(total), POINTER(y), POINTER(low), POINTER(moments));
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *call_normed_sum_backward(PyObject *self, PyObject *args) {
    unsigned long long x, residual, weight, moments, by_total, by_y, by_low, by, by_half;
    long long n, d;
    int is_half;
    if (!PyArg_ParseTuple(args, "KKKLLiKKKKKK", &x, &residual, &weight, &n, &d, &is_half, &moments,
                          &by_total, &by_y, &by_low, &by, &by_half))
        return NULL;
    Normed a = {POINTER(x), POINTER(residual), POINTER(weight), NULL, n, d, 0, is_half};
    Py_BEGIN_ALLOW_THREADS
    normed_sum_backward(a, POINTER(moments), POINTER(by_total), POINTER(by_y), POINTER(by_low), POINTER(by),
                        POINTER(by_half));
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

#define ATTENTION "KKKKKKLLLLLLiffi"
#define ATTENTION_ADDRESSES(a)                                                                     \
    &query, &key, &value, &weights, &levels, &rows, &count, &heads, &size, &query_token, &key_token, \
        &value_token, &a.lowest, &a.kept, &a.scale, &is_half
#define ATTENTION_VARIABLES                                                                        \
    unsigned long long query, key, value, weights, levels, rows;                                   \
    long long count, heads, size, query_token, key_token, value_token;                             \
    int is_half, done;                                                                             \
    Attention a = {0};
#define ATTENTION_FIELDS(a)                                                                        \
    a.query = POINTER(query), a.key = POINTER(key), a.value = POINTER(value);                      \
    a.weights = POINTER(weights), a.levels = POINTER(levels), a.rows = POINTER(rows);              \
    a.count = count, a.heads = heads, a.size = size;                                               \
    a.query_token = query_token, a.key_token = key_token, a.value_token = value_token;

static PyObject *call_attention(PyObject *self, PyObject *args) {
    ATTENTION_VARIABLES
    unsigned long long output;
    long long output_token;
    if (!PyArg_ParseTuple(args, ATTENTION "KL", ATTENTION_ADDRESSES(a), &output, &output_token)) return NULL;
    ATTENTION_FIELDS(a)
    Py_BEGIN_ALLOW_THREADS
    done = is_half ? attention_half(a, POINTER(output), output_token)
                   : attention_float(a, POINTER(output), output_token);
    Py_END_ALLOW_THREADS
    if (!done) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *call_attention_backward(PyObject *self, PyObject *args) {
    ATTENTION_VARIABLES
    unsigned long long by_output, by_query, by_key, by_value;
    long long output_token;
    if (!PyArg_ParseTuple(args, ATTENTION "KLKKK", ATTENTION_ADDRESSES(a), &by_output, &output_token,
                          &by_query, &by_key, &by_value))
        return NULL;
    ATTENTION_FIELDS(a)
    Py_BEGIN_ALLOW_THREADS
    done = is_half ? attention_backward_half(a, POINTER(by_output), output_token, POINTER(by_query),
                                             POINTER(by_key), POINTER(by_value))
                   : attention_backward_float(a, POINTER(by_output), output_token, POINTER(by_query),
                                              POINTER(by_key), POINTER(by_value));
    Py_END_ALLOW_THREADS
    if (!done) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"dropout", call_dropout, METH_VARARGS, NULL},
    {"normed_sum", call_normed_sum, METH_VARARGS, NULL},
    {"normed_sum_backward", call_normed_sum_backward, METH_VARARGS, NULL},
    {"attention", call_attention, METH_VARARGS, NULL},
    {"attention_backward", call_attention_backward, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_methods = methods,
};

/* Raised by one whenever a function or its arguments change; Python asks for it. */
enum { VERSION = 3 };

PyMODINIT_FUNC PyInit__compiled(void) {
    PyObject *made = PyModule_Create(&module);
    if (made && PyModule_AddIntConstant(made, "VERSION", VERSION) < 0) Py_CLEAR(made);
    return made;
}
