"""Texts that are nearly sweeps, for tests by the thousand: mutated values, lines and characters."""

import copy
import math
from typing import Any

import yaml
from hypothesis import strategies as st

SWEEP = """\
name: example
description: All that a sweep may say.
base_models:
  small: { source: "hub:a/b", revision: "0000000000000000000000000000000000000000", layers: 4,
           hidden_size: 64 }
tasks:
  rte: { hub: glue/rte, rows: { train: 100, validation: 50 } }
  cola: { hub: glue/cola, validation_fraction: 0.1, metric: matthews }
seeds: [0, 1]
adapter: &size { bottleneck_size: [4, 8], placement: [pfeiffer, houlsby], dropout: 0.1 }
head: { layers: 1, dropout: 0.1 }
training: { learning_rate: [1e-4, 3e-4], epochs: 3, patience: [null, 2], max_length: 64 }
pretraining: { words: { texts: same, training: { epochs: 1 } } }
trials:
  - drop: { mode: [none, specialised, robust], depth: [1, 2] }
  - adapter: { <<: *size, start_from: words }
    seeds: 0
  - method: top_layers
    layers: [1, 2]
  - zip: { adapter: { scaling: [1, 2] }, training: { batch_size: [4, 8] } }
    points: [{}, { head: { layers: 2 } }]
    sample: { count: 2, seed: 1, training: { weight_decay: { log_uniform: [1e-4, 1e-1] },
              accumulate: { integers: [1, 3] } }, drop: { mode: { choice: [none, robust] } } }
    when: [{ where: { task: cola, scaling: 2 }, seeds: 3, training: { epochs: 1 } }]
fusion:
  - targets: rte
    sources: { tasks: all, where: { bottleneck_size: 4 }, seed: same }
    config: { value_off_diagonal: [1.0e-6, random], regularisation: 0.01 }
    pruning: { keep: 1, order: one_by_one }
exclude:
  - { task: cola, drop_mode: robust, learning_rate: 3e-4 }
resources: { cpus: 1, gpus: 0.5, max_workers: 2, bundle_size: auto }
fast_path: { cache_gib: 1.5, pack_width: 8 }
select: { alias: champion, metric: primary, where: { keep: null } }
"""

PIECES = (
    *(
        "&a ",
        "*a",
        "<<: *size",
        "!!python/object:os.x ",
        "!!binary ",
        "!!timestamp ",
        "!!set ",
        "!",
    ),
    *("[", "]", "{", "}", "? ", ": ", "- ", ", ", "|\n", ">\n", "'", '"', "#", "%", "@", "`"),
    *(
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "\n",
        "\r\n",
        "\x00",
        "\x07",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *("\ud800", "\\0", "\\ud800", "é", "\U0001f600", ".inf", "-.inf", ".nan", "~", "null", "true"),
    *(
        "1e999",
        "9" * 400,
        "9" * 5000,
        "0x",
        "0b2",
        "010",
        "1:30",
        "2026-13-45",
        "-1",
        "1_0",
        "=",
        "<<",
    ),
    *("x" * 2000, "[" * 60, "{a: " * 60, "- " * 60),
)
"""What stands in YAML that people and programs get wrong."""

WRONG = (
    *(math.inf, -math.inf, math.nan, 2**63, 2**64, 10**90, -1, -0.5, True, "", " ", "x" * 500),
    *(
        [],
        {},
        [[]],
        [{}],
        [[1], [2]],
        {"a": 1},
        {"": None},
        "\u2028",
        "inf",
        "nan",
        "1e999",
        "../..",
    ),
)
"""Values that are wrong in most places."""


def _places(value: Any, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the key path of everything inside of nested values."""
    found = [keys] if keys else []
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    for key, child in inner:
        found += _places(child, (*keys, key))
    return found


def with_value(value: Any, keys: tuple[Any, ...], new: Any) -> Any:
    """Return a copy of nested values with another one at `keys`."""
    changed = copy.deepcopy(value)
    part = changed
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = new
    return changed


VALUES: dict[str, Any] = yaml.safe_load(SWEEP)
PLACES = _places(VALUES)
ONE_LINE = st.characters(exclude_characters="\x85\u2028\u2029")
"""The others are ends of lines, which PyYAML's writer folds into spaces."""


@st.composite
def changed_values(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the sweep's values with one to three of them replaced, dropped or renamed."""
    values = copy.deepcopy(VALUES)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(values)
        if not places:
            break
        keys = places[draw(st.integers(0, len(places) - 1))]
        new = draw(
            st.one_of(
                st.sampled_from(WRONG),
                st.integers(-(2**70), 2**70),
                st.floats(),
                st.text(ONE_LINE, max_size=8),
                st.sampled_from([keys[-1] for keys in PLACES]),
                st.builds(lambda k: _at(VALUES, k), st.sampled_from(PLACES)),
            )
        )
        values = with_value(values, keys, copy.deepcopy(new))
    return values


def _at(value: Any, keys: tuple[Any, ...]) -> Any:
    for key in keys:
        value = value[key]
    return value


@st.composite
def changed_texts(draw: st.DrawFn) -> str:
    """Draw the sweep's text with pieces put in, lines moved and characters lost."""
    text = SWEEP
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        match draw(st.integers(0, 4)):
            case 0:
                text = text[:start] + draw(st.sampled_from(PIECES)) + text[start:]
            case 1:
                end = start + draw(st.integers(1, 30))
                text = text[:start] + text[end:]
            case 2:
                end = start + draw(st.integers(1, 12))
                text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
            case 3:
                lines = text.split("\n")
                line = draw(st.integers(0, len(lines) - 1))
                lines.insert(draw(st.integers(0, len(lines))), lines[line])
                text = "\n".join(lines)
            case 4:
                text = text[:start] + draw(st.text(max_size=5)) + text[start:]
    return text


def any_yaml() -> st.SearchStrategy[str]:
    """Draw texts out of YAML's own signs."""
    return st.lists(
        st.sampled_from((*PIECES, "name", "tasks", "a", "1", " ", "  ")), max_size=40
    ).map("".join)
