"""Texts that are no sweep, or YAML that no sweep needs: refused with a line, and soon."""

import math
import os
import time
from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.document import DEEPEST, LARGEST_BYTES, MOST_VALUES
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.read import MOST_PROBLEMS, read_spec

HEAD = """\
name: example
base_models: { small: { source: "hub:a/b" } }
tasks: { rte: { hub: glue/rte } }
"""
SOON_S = 20.0
"""Far more than reading takes, for a machine that is busy; expanding a bomb takes for ever."""


def read(folder: Path, text: str | bytes) -> SweepSpec:
    path = folder / "sweep.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return read_spec(path)[0]


def refused(folder: Path, text: str | bytes) -> str:
    started = time.monotonic()
    with pytest.raises(SpecError) as caught:
        read(folder, text)
    assert time.monotonic() - started < SOON_S
    return str(caught.value)


def levels(of: str) -> str:
    """Return eleven levels of ten values each, which only an alias can write in so few bytes."""
    lines = ["l0: &l0 " + of.format("x, " * 9 + "x")]
    lines += [f"l{i}: &l{i} " + of.format(", ".join([f"*l{i - 1}"] * 10)) for i in range(1, 11)]
    return "\n".join(lines)


UNREADABLE = {
    "an anchor inside of itself": ("description: &a [*a]", ":4: `*a` stands inside of"),
    "keys inside of themselves": ("adapter: &a { dropout: { b: *a } }", ":4: `*a` stands inside"),
    "an expansion bomb": (levels("[{}]"), f"at most {MOST_VALUES:,} keys and values"),
    "a bomb of merged keys": (
        levels("{{ <<: [{}] }}").replace("<<: [x, x, x, x, x, x, x, x, x, x]", "a: 1"),
        f"at most {MOST_VALUES:,} keys and values",
    ),
    "lists in lists": ("seeds: " + "[" * 50_000, f":4: expected lists and keys at most {DEEPEST}"),
    "keys in keys": ("adapter: " + "{a: " * 3000, f":4: expected lists and keys at most {DEEPEST}"),
    "complex keys in each other": ("? " * 3000, f":4: expected lists and keys at most {DEEPEST}"),
    "too many values": ("seeds: [" + "1," * 300_000 + "1]", f"at most {MOST_VALUES:,}"),
    "a list as a key": ("? [a]\n: 1", ":4: expected text as a key"),
    "keys as a key": ("? {a: 1}\n: 1", ":4: expected text as a key"),
    "a tag on a key": ("!own a: 1", ":4: `a`: expected text, a number"),
    "a key that is no text": ('"\\0": 1', "found the character U+0000"),
    "two documents": ("---\nseeds: 1", ":4: not YAML"),
    "merging a number": ("<<: 1", ":4: expected `*` and the name of keys"),
    "merging twice": ("<<: {}\n<<: {}", ":5: <<: this key stands twice, first on line 4"),
    "a byte that YAML forbids": ("seeds: \x00 1", ":4: not YAML: found character U+0000"),
    "an alias of nothing": ("seeds: *a", ":4: not YAML: found undefined alias"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_yaml_that_no_sweep_needs_is_refused_with_its_line(case: str, tmp_path: Path) -> None:
    text, said = UNREADABLE[case]
    message = refused(tmp_path, HEAD + text + "\n")
    assert message.startswith(str(tmp_path / "sweep.yaml") + ":")
    assert said in message
    assert len(message) < 500


WRONG_SCALARS = {
    "a whole number of 5,000 digits": ("seeds: " + "9" * 5000, "seeds: expected a number of at"),
    "a whole number of 80 digits": ("seeds: " + "9" * 80, "seeds: expected"),
    "a seed beyond 63 bits": (f"seeds: {2**63}", f"less than or equal to {2**63 - 1}"),
    "a size beyond 31 bits": (f"adapter: {{ bottleneck_size: {2**31} }}", "adapter.bottleneck_siz"),
    "a factor that makes such a size": ("adapter: { reduction_factor: 1.0e-9 }", "0.001 or more"),
    "infinity": ("training: { learning_rate: .inf }", "training.learning_rate: expected a finite"),
    "infinity by overflow": ("training: { weight_decay: 1e999 }", "expected a finite number"),
    "infinity as text": ("training: { gradient_clip: infinity }", "expected a finite number"),
    "no number": ("adapter: { scaling: .nan }", "adapter.scaling: expected a finite number"),
    "an endless cache": ("fast_path: { cache_gib: .inf }", "cache_gib: expected a finite number"),
    "an unmeasurable cache": ("fast_path: { cache_gib: 1.0e+300 }", "1000000"),
    "a processor's tiny share": ("resources: { cpus: 1.0e-300 }", "expected 0.01 or more"),
    "one and a half GPUs": ("resources: { gpus: 1.5 }", "or a whole number of them"),
    "a number to base 8": ("seeds: 010", "YAML reads as a number to base 8"),
    "a number to base 60": ("training: { epochs: 1:30 }", "YAML reads as a number to base 60"),
    "digits that are none": ("seeds: 0x_", "expected a number, found `0x_`"),
    "a tag that lies": ("seeds: !!int five", "is not what its tag `!!int` says"),
    "a date that is none": ("description: !!timestamp 2026-13-45", "the tag `!!timestamp`"),
    "bytes": ("description: !!binary aGk=", "description: expected text, a number"),
    "a set": ("seeds: !!set { 1 }", "the tag `!!set`"),
    "pairs": ("adapter: !!omap [ dropout: 0.1 ]", "the tag `!!omap`"),
    "code": ("seeds: !!python/object/apply:os.getpid []", "the tag `!!python/object/apply:os."),
    "a character of no text": ('description: "\\0"', "description: expected text, found the"),
    "half a character": ('description: "\\ud800"', "found the character U+D800"),
    "an alias that MLflow keeps for itself": (
        "select: { alias: v12 }",
        "select.alias: expected an alias that MLflow does not keep",
    ),
}


@pytest.mark.parametrize("case", WRONG_SCALARS)
def test_values_that_cannot_be_meant_are_refused_by_name(case: str, tmp_path: Path) -> None:
    text, said = WRONG_SCALARS[case]
    message = refused(tmp_path, HEAD + text + "\n")
    assert said in message
    assert len(message) < 500
    assert "\n" not in message


def test_true_is_no_number_of_rows(tmp_path: Path) -> None:
    text = HEAD.replace("glue/rte", "glue/rte, rows: { train: true }")
    assert "tasks.rte.rows: expected a number, found true" in refused(tmp_path, text)


def test_a_file_larger_than_any_sweep_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)
    with pytest.raises(SpecError, match=f"at most {LARGEST_BYTES:,} bytes"):
        read_spec(path)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / ("x" * 300), "File name too long"),
        (tmp_path / "sweep.yaml" / "below.yaml", "Not a directory"),
    ):
        (tmp_path / "sweep.yaml").write_text(HEAD)
        with pytest.raises(SpecError, match=why):
            read_spec(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(HEAD)
    path.chmod(0)
    with pytest.raises(SpecError, match="Permission denied"):
        read_spec(path)


def test_text_in_utf_8_with_a_mark_is_read_and_utf_16_named(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD.encode("utf-8-sig")).name == "example"
    assert ":1: not a text file in UTF-8 but in UTF-16" in refused(tmp_path, HEAD.encode("utf-16"))
    latin = refused(tmp_path, HEAD.encode() + "description: café\n".encode("latin-1"))
    assert ":4: not a text file in UTF-8: found byte 0xe9" in latin


def test_lines_end_as_on_any_system(tmp_path: Path) -> None:
    for end in ("\r\n", "\r"):
        assert read(tmp_path, HEAD.replace("\n", end)).name == "example"


def test_aliases_and_merge_keys_stand_for_what_they_name(tmp_path: Path) -> None:
    spec = read(
        tmp_path,
        HEAD
        + "training: &usual { epochs: 3, batch_size: 8 }\n"
        + "trials:\n"
        + "  - training: *usual\n"
        + "  - training: { <<: *usual, epochs: 5 }\n",
    )
    assert [block.training.epochs for block in spec.trials] == [(3,), (5,)]
    assert [block.training.batch_size for block in spec.trials] == [(8,), (8,)]


def test_what_is_merged_counts_as_written(tmp_path: Path) -> None:
    text = HEAD + "drop: &d { mode: robust }\ntrials:\n  - drop: { <<: *d, depht: 1 }\n"
    assert ":6: trials[0].drop.depht: unknown key" in refused(tmp_path, text)
    path = tmp_path / "sweep.yaml"
    path.write_text(HEAD + "drop: &d { mode: robust }\ntrials:\n  - drop: { <<: *d }\n")
    source = read_spec(path)[1]
    assert source.has(("trials", 0, "drop", "mode"))
    assert source.locate(("trials", 0, "drop", "mode")).line == 4


def test_dates_and_names_of_numbers_are_text(tmp_path: Path) -> None:
    text = HEAD.replace("example", "2026-01-31").replace("rte:", "1:")
    spec = read(tmp_path, text + "description: =\n")
    assert spec.name == "2026-01-31"
    assert list(spec.tasks) == ["1"]
    assert spec.description == "="


def test_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    text = HEAD + "seeds: [0x1F, 1_000, +3, 0b11, 0]\ntraining: { learning_rate: [1., .5, 2e-4] }\n"
    spec = read(tmp_path, text)
    assert spec.seeds == (31, 1000, 3, 3, 0)
    assert spec.training.learning_rate == (1.0, 0.5, 0.0002)
    assert not any(math.isinf(rate) for rate in spec.training.learning_rate)


def test_a_message_names_no_more_places_than_can_be_read(tmp_path: Path) -> None:
    message = refused(tmp_path, HEAD + "seeds: [" + "x, " * 40_000 + "x]\n")
    assert message.count("\n") == MOST_PROBLEMS
    assert message.endswith("and more; correct these first")
