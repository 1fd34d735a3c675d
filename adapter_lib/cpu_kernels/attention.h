/* Attention and dropout for one type of what is stored, STORED; `kernels.c` includes this for each.
 * All is computed in float32, in buffers that hold one head of one row.
 *
 * Legend for shapes: s queries, t keys, k size of a head, w the keys rounded up to whole vectors. */

static void NAME(dropout)(
    const STORED *x, const int8_t *levels, STORED *y, int64_t n, int lowest, float kept) {
    for (int64_t i = 0; i < n; i += LANES) {
        __mmask16 some = lanes(n - i), keep = kept_lanes(levels + i, lowest, some);
        STORE_SOME(y + i, LOAD_SOME(x + i, some) * _mm512_maskz_mov_ps(keep, all(kept)), some);
    }
}

/* (count, k) of one head as float32, times `scale`. */
INLINE void NAME(read)(
    const STORED *from, int64_t token, float *to, int64_t count, int64_t size, float scale) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < size; j += LANES)
            store_float(to + i * size + j, LOAD(from + i * token + j) * scale);
}

/* (count, k) of float32 to where one head lies. */
INLINE void NAME(write)(const float *from, STORED *to, int64_t token, int64_t count, int64_t size) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < size; j += LANES) STORE(to + i * token + j, load_float(from + i * size + j));
}

/* Scores (w) of one query to its weights, and to what dropout leaves of them; both end in zeros. */
INLINE void NAME(softmax)(
    const Attention *a, float *scores, STORED *stored, const int8_t *levels, int64_t keys) {
    floats top = all(-INFINITY), total = all(0);
    for (int64_t j = 0; j < keys; j += LANES)
        top = _mm512_mask_max_ps(top, lanes(keys - j), top, load_float(scores + j));
    float highest = _mm512_reduce_max_ps(top);
    for (int64_t j = 0; j < keys; j += LANES) {
        floats x = _mm512_maskz_mov_ps(lanes(keys - j), exponential(load_float(scores + j) - highest));
        store_float(scores + j, x);
        total += x;
    }
    float each = 1.0f / _mm512_reduce_add_ps(total);
    for (int64_t j = 0; j < keys; j += LANES) {
        __mmask16 some = lanes(keys - j);
        floats x = load_float(scores + j) * each, marked = x;
        if (levels) {
            __mmask16 keep = kept_lanes(levels + j, a->lowest, some);
            marked = _mm512_mask_sub_ps(x, ~keep, all(-0.0f), x);
            x *= _mm512_maskz_mov_ps(keep, all(a->kept));
        }
        store_float(scores + j, x);
        if (stored) STORE_SOME(stored + j, marked, some);
    }
}

/* (w, k) to (k, w). */
INLINE void NAME(transposed)(const float *from, float *to, int64_t size, int64_t wide) {
    for (int64_t i = 0; i < wide; i += LANES)
        for (int64_t j = 0; j < size; j += LANES) turn(from + i * size + j, size, to + j * wide + i, wide);
}

/* The outputs of all rows; 0 if there is not enough memory. */
static int NAME(attention)(Attention a, STORED *output, int64_t output_token) {
    int64_t k = a.size, w = rounded(most_keys(&a), LANES);
    float *memory = buffer_of(3 * w * k + QUERY_BLOCK * (2 * k + w));
    if (!memory) return 0;
    float *key = memory, *turned = key + w * k, *value = turned + w * k;
    float *query = value + w * k, *out = query + QUERY_BLOCK * k, *scores = out + QUERY_BLOCK * k;
    for (int64_t r = 0; r < a.count; r++) {
        const int64_t *row = a.rows + r * NUMBERS;
        int64_t s = row[QUERY_COUNT], t = row[KEY_COUNT], wide = rounded(t, LANES);
        for (int64_t head = 0; head < a.heads; head++) {
            const STORED *q = (const STORED *)a.query + row[QUERIES] + head * k;
            int64_t weights = row[WEIGHTS] + head * row[WEIGHTS_HEAD];
            NAME(read)((const STORED *)a.key + row[KEYS] + head * k, a.key_token, key, t, k, 1);
            NAME(read)((const STORED *)a.value + row[KEYS] + head * k, a.value_token, value, t, k, 1);
            NAME(transposed)(key, turned, k, wide);
            for (int64_t first = 0; first < s; first += QUERY_BLOCK) {
                int64_t count = s - first < QUERY_BLOCK ? s - first : QUERY_BLOCK;
                int64_t groups = rounded(count, GROUP);
                NAME(read)(q + first * a.query_token, a.query_token, query, count, k, a.scale);
                product(query, k, 1, turned, wide, scores, wide, groups, k, wide, 0);
                for (int64_t i = 0; i < count; i++) {
                    int64_t at = weights + (first + i) * row[WEIGHTS_QUERY];
                    NAME(softmax)(
                        &a, scores + i * wide, a.weights ? (STORED *)a.weights + at : NULL,
                        a.levels ? a.levels + at : NULL, t);
                }
                product(scores, wide, 1, value, k, out, k, groups, t, k, 0);
                NAME(write)(out, output + row[OUTPUTS] + head * k + first * output_token, output_token, count, k);
            }
        }
    }
    free(memory);
    return 1;
}

/* The gradients by queries, keys and values, which lie as these do; 0 without enough memory. */
static int NAME(attention_backward)(
    Attention a, const STORED *by_output, int64_t output_token, STORED *by_query, STORED *by_key,
    STORED *by_value) {
    int64_t k = a.size, w = rounded(most_keys(&a), LANES);
    float *memory = buffer_of(5 * w * k + QUERY_BLOCK * (3 * k + 2 * w));
    if (!memory) return 0;
    float *key = memory, *value = key + w * k, *turned = value + w * k;
    float *key_sum = turned + w * k, *value_sum = key_sum + w * k;
    float *query = value_sum + w * k, *by_out = query + QUERY_BLOCK * k, *found = by_out + QUERY_BLOCK * k;
    float *dropped = found + QUERY_BLOCK * k, *by_scores = dropped + QUERY_BLOCK * w;
    for (int64_t r = 0; r < a.count; r++) {
        const int64_t *row = a.rows + r * NUMBERS;
        int64_t s = row[QUERY_COUNT], t = row[KEY_COUNT], wide = rounded(t, LANES);
        for (int64_t head = 0; head < a.heads; head++) {
            int64_t queries = row[QUERIES] + head * k, keys = row[KEYS] + head * k;
            const STORED *stored = (const STORED *)a.weights + row[WEIGHTS] + head * row[WEIGHTS_HEAD];
            NAME(read)((const STORED *)a.key + keys, a.key_token, key, t, k, a.scale);
            NAME(read)((const STORED *)a.value + keys, a.value_token, value, t, k, 1);
            NAME(transposed)(value, turned, k, wide);
            for (int64_t first = 0; first < s; first += QUERY_BLOCK) {
                int64_t count = s - first < QUERY_BLOCK ? s - first : QUERY_BLOCK;
                int64_t groups = rounded(count, GROUP);
                int64_t outputs = row[OUTPUTS] + head * k + first * output_token;
                NAME(read)(
                    (const STORED *)a.query + queries + first * a.query_token, a.query_token, query, count, k, a.scale);
                NAME(read)(by_output + outputs, output_token, by_out, count, k, 1);
                product(by_out, k, 1, turned, wide, by_scores, wide, groups, k, wide, 0);
                for (int64_t i = 0; i < count; i++) {
                    const STORED *marked = stored + (first + i) * row[WEIGHTS_QUERY];
                    float *by = by_scores + i * wide, *left = dropped + i * wide;
                    floats total = all(0);
                    for (int64_t j = 0; j < t; j += LANES) {
                        __mmask16 some = lanes(t - j);
                        floats x = LOAD_SOME(marked + j, some);
                        __mmask16 keep = some & ~_mm512_movepi32_mask(_mm512_castps_si512(x));
                        floats times = _mm512_maskz_mov_ps(keep, all(a.kept));
                        floats through = load_some_floats(by + j, some) * times;
                        x = _mm512_abs_ps(x);
                        store_float(left + j, x * times);
                        through *= x;
                        store_float(by + j, through);
                        total += through;
                    }
                    float mean = _mm512_reduce_add_ps(total);
                    for (int64_t j = 0; j < t; j += LANES) {
                        floats weight = _mm512_abs_ps(LOAD_SOME(marked + j, lanes(t - j)));
                        store_float(by + j, load_float(by + j) - weight * mean);
                    }
                }
                product(by_scores, wide, 1, key, k, found, k, groups, t, k, 0);
                NAME(write)(
                    found, by_query + queries + first * a.query_token, a.query_token, count, k);
                product(dropped, 1, wide, by_out, k, value_sum, k, rounded(t, GROUP), count, k, first > 0);
                product(by_scores, 1, wide, query, k, key_sum, k, rounded(t, GROUP), count, k, first > 0);
            }
            NAME(write)(key_sum, by_key + keys, a.key_token, t, k);
            NAME(write)(value_sum, by_value + keys, a.value_token, t, k);
        }
    }
    free(memory);
    return 1;
}
