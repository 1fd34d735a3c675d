"""Whatever a sweep's text is, it is planned or refused in a message, soon and never otherwise."""

import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from orchestrator.errors import SpecError
from orchestrator.running.driver import plan_sweep
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.read import read_spec
from orchestrator.spec.values import LARGEST_SEED
from tests.unit.orchestrator.sweep_texts import (
    SWEEP,
    VALUES,
    any_yaml,
    changed_texts,
    changed_values,
    with_value,
)

SOON_S = 20.0


def planned_or_refused(content: bytes) -> SweepSpec | str:
    """Read and plan a text; return what it says, or the message."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.yaml"
        path.write_bytes(content)
        try:
            found: SweepSpec | str = read_spec(path)[0]
            plan_sweep(path)
        except SpecError as error:
            found = str(error)
            assert found.startswith(f"{path}:")
            assert len(found) < 10_000
            found.encode()  # a message that can be printed
    assert time.monotonic() - started < SOON_S
    return found


def is_bounded(spec: SweepSpec) -> bool:
    """Say whether all numbers are finite, and whole ones no larger than the largest."""
    return all(
        math.isfinite(n) and (abs(n) <= LARGEST_SEED or type(n) is float) for n in numbers(spec)
    )


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, BaseModel):
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield value


def test_the_sweep_that_is_changed_is_right() -> None:
    assert isinstance(planned_or_refused(SWEEP.encode()), SweepSpec)


@settings(max_examples=150, deadline=None)
@given(st.one_of(changed_texts(), any_yaml(), st.text(max_size=80)))
def test_any_text_is_planned_or_refused(text: str) -> None:
    found = planned_or_refused(text.encode("utf-8", "surrogatepass"))
    if isinstance(found, SweepSpec):
        assert is_bounded(found)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(SWEEP)))
def test_any_bytes_are_planned_or_refused(content: bytes, at: int) -> None:
    planned_or_refused(content)
    planned_or_refused(SWEEP.encode()[:at] + content[:20] + SWEEP.encode()[at:])


@settings(max_examples=150, deadline=None)
@given(changed_values())
def test_what_is_read_is_what_was_written(values: dict[str, Any]) -> None:
    """A text means what its values mean when another writer wrote them; no more is accepted."""
    text = yaml.safe_dump(values, allow_unicode=True, sort_keys=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.yaml"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            read: SweepSpec | None = read_spec(path)[0]
        except SpecError:
            read = None
    try:
        meant: SweepSpec | None = SweepSpec.model_validate(values)
    except ValidationError:
        meant = None
    if read is not None:
        assert read == meant
        assert is_bounded(read)
    planned_or_refused(text.encode("utf-8", "surrogatepass"))


NUMBERS = [
    ("seeds",),
    ("adapter", "bottleneck_size"),
    ("adapter", "dropout"),
    ("head", "layers"),
    ("head", "dropout"),
    ("training", "learning_rate"),
    ("training", "epochs"),
    ("training", "patience"),
    ("training", "max_length"),
    ("tasks", "rte", "rows", "train"),
    ("tasks", "cola", "validation_fraction"),
    ("resources", "cpus"),
    ("resources", "gpus"),
    ("resources", "max_workers"),
    ("fast_path", "cache_gib"),
    ("fast_path", "pack_width"),
    ("base_models", "small", "layers"),
    ("fusion", 0, "config", "regularisation"),
    ("fusion", 0, "pruning", "keep"),
    ("trials", 2, "layers"),
]


@pytest.mark.parametrize("keys", NUMBERS, ids=lambda keys: ".".join(map(str, keys)))
@pytest.mark.parametrize(
    "wrong", [math.inf, -math.inf, math.nan, -1, True, "many", {}, "inf", "1e999", "9" * 400]
)
def test_no_number_is_taken_that_is_none(keys: tuple[Any, ...], wrong: Any) -> None:
    values = with_value(VALUES, keys, wrong)
    found = planned_or_refused(yaml.safe_dump(values).encode())
    assert isinstance(found, str), f"{keys} took {wrong}"
