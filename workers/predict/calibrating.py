"""Measure what passes take on this machine at every depth, in turns, and keep it in a file."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

import torch
from pydantic import ValidationError

from adapter_lib.errors import AdapterLibError
from adapter_lib.storage.atomic_write import write_atomically
from adapter_lib.transformer.backbone import Backbone, Batch
from workers.contract.machine import this_machine
from workers.contract.measurement import alternate
from workers.contract.trial import content_hash
from workers.errors import TaskError
from workers.predict.latency_budget import CalibratedShape, Calibration, Shape

Run = Callable[[Batch, int], object]
"""A pass over a batch at a drop depth."""

ROUNDS = 5
SHORTEST = 8
"""Tokens of the shortest rows that are calibrated."""
_FORMAT = 1


def usual_shapes(max_length: int, *, rows: int = 1) -> list[Shape]:
    """Return batches of so many rows of 8, 16, … tokens, up to the longest there are."""
    lengths, length = [], min(SHORTEST, max_length)
    while length < max_length:
        lengths.append(length)
        length *= 2
    return [(rows, length) for length in (*lengths, max_length)]


def calibrate(
    run: Run,
    backbone: Backbone,
    shapes: Iterable[Shape],
    *,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Calibration:
    """Time a pass over random tokens of each shape at each depth, and return the medians.

    Depths take turns. A deeper drop never counts as slower than a shallower one, which only noise
    could make it.

    Args:
        clock: in seconds.
    """
    found, depths = [], range(backbone.layers_count)
    for rows, tokens in shapes:
        batch = _random_batch(backbone, rows, tokens)
        sides = {str(depth): _Timed(run, batch, depth, clock) for depth in depths}
        alternate(sides, rounds=1)
        times = alternate(sides, rounds=rounds)
        ms: list[float] = []
        for depth in depths:
            took = median(times[str(depth)])
            ms.append(min(took, ms[-1]) if ms else took)
        found.append(CalibratedShape(rows=rows, tokens=tokens, ms=tuple(ms)))
    return Calibration(shapes=tuple(found))


class _Timed:
    """Times one pass, in milliseconds of the clock."""

    def __init__(self, run: Run, batch: Batch, depth: int, clock: Callable[[], float]) -> None:
        self._run, self._batch, self._depth, self._clock = run, batch, depth, clock

    def __call__(self) -> float:
        started = self._clock()
        self._run(self._batch, self._depth)
        return (self._clock() - started) * 1e3


def _random_batch(backbone: Backbone, rows: int, tokens: int) -> Batch:
    draw = torch.Generator().manual_seed(0)
    vocabulary = backbone.token_embedding.shape[0]
    ids = torch.randint(vocabulary // 2, vocabulary, (rows, tokens), generator=draw)
    return Batch(ids, torch.ones_like(ids))


def key_of(backbone: Backbone, parts: Sequence[object]) -> str:
    """Return what a calibration is found by again: machine, threads, base, and what runs over it.

    Args:
        parts: the configurations of adapters and heads, as plain JSON values.
    """
    machine = this_machine().model_dump(mode="json")
    base = [backbone.identity.weights_sha256, backbone.layers_count]
    return content_hash([machine, torch.get_num_threads(), base, list(parts)])


def read_calibration(path: Path, key: str) -> Calibration | None:
    """Return what the file has under a key; None where it is not there, or has other keys alone.

    Raises:
        TaskError: the file is none of calibrations.
    """
    known = _read(path)
    return known.get(key)


def keep_calibration(path: Path, key: str, calibration: Calibration) -> None:
    """Add a calibration to a file, which keeps what else it has.

    Raises:
        TaskError: the file is none of calibrations, or cannot be written.
    """
    known = {**_read(path), key: calibration}
    content = {
        "format": _FORMAT,
        "calibrations": {k: each.model_dump(mode="json") for k, each in known.items()},
    }
    try:
        write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
    except (OSError, AdapterLibError) as error:
        raise TaskError(
            f"{path}: the calibration cannot be written: {error}; give another file"
        ) from error


def _read(path: Path) -> dict[str, Calibration]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']}")
        return {k: Calibration.model_validate(c) for k, c in content["calibrations"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise TaskError(
            f"{path}: expected a file of calibrations of format {_FORMAT}, found "
            f"{str(error).partition(chr(10))[0] or type(error).__name__}; delete it to calibrate "
            "anew, or give another file"
        ) from error
