"""What a trial's model said of each row that it was measured on, kept in one small file.

Differences between trials are judged on it, row by row. No pickle: numbers are safetensors', texts
UTF-8.

Legend for shapes: n rows.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from adapter_lib.storage.atomic_write import write_atomically
from workers.contract.frozen import Frozen
from workers.contract.task_card import Split
from workers.errors import ResultFileError

Array = NDArray[Any]
Place = tuple[Split, int]
"""A split, and the drop depth it was measured at."""


class PredictionsFile(Frozen):
    """The file's SHA-256, and its size."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Predictions:
    """What one model says of every row of a split at one drop depth, in the split's order.

    Attributes:
        answers: what is scored: for each row a class number or the number of a choice, a
            regression's value, the text of an answer, or the class numbers of its words.
        logits: (n, classes), (n, choices) or (n, 1), float16; None where a row's are as many as
            its tokens.
    """

    answers: Sequence[Any]
    logits: NDArray[np.float16] | None = None

    def __len__(self) -> int:
        return len(self.answers)

    def arrays(self) -> dict[str, Array]:
        """Return all of it as arrays of numbers, which `of_arrays` takes."""
        first = self.answers[0] if len(self.answers) else 0
        if isinstance(first, str):
            encoded = [text.encode() for text in self.answers]
            found: dict[str, Array] = {"sizes": _sizes(encoded)}
            found["text"] = np.frombuffer(b"".join(encoded), np.uint8)
        elif isinstance(first, tuple):
            flat = np.asarray([tag for row in self.answers for tag in row], np.int64)
            found = {"words": _narrow(flat), "sizes": _sizes(self.answers)}
        else:
            found = {"answers": _narrow(np.asarray(self.answers))}
        return found if self.logits is None else found | {"logits": self.logits}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Array]) -> "Predictions":
        """Return what `arrays` was made of.

        Raises:
            KeyError: they are arrays of something else.
            ValueError: likewise.
        """
        logits = arrays.get("logits")
        if "answers" in arrays:
            return cls(arrays["answers"], logits)  # type: ignore[arg-type]
        flat = arrays["text"] if "text" in arrays else arrays["words"]
        parts = np.split(flat, np.cumsum(arrays["sizes"])[:-1]) if len(arrays["sizes"]) else []
        if "text" in arrays:
            return cls([part.tobytes().decode() for part in parts], logits)
        return cls([tuple(part.tolist()) for part in parts], logits)


def write_predictions(path: Path, found: Mapping[Place, Predictions]) -> PredictionsFile:
    """Write the predictions of all splits and depths, whole or not at all.

    Raises:
        OSError: they cannot be written.
    """
    content = save(
        {
            f"{split.value}/{depth}/{name}": np.ascontiguousarray(array)
            for (split, depth), predictions in found.items()
            for name, array in predictions.arrays().items()
        }
    )
    write_atomically(path, content)
    return PredictionsFile(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def read_predictions(path: Path, expected: PredictionsFile) -> dict[Place, Predictions]:
    """Return what was written, after comparing every byte with its checksum.

    Raises:
        ResultFileError: it is gone, damaged, or holds something else.
    """
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected.sha256:
            raise ResultFileError(f"{path} is damaged: its checksum differs from the result's")
        grouped: dict[Place, dict[str, Array]] = {}
        for name, array in load(content).items():
            split, depth, kind = name.split("/")
            grouped.setdefault((Split(split), int(depth)), {})[kind] = array
        return {place: Predictions.of_arrays(arrays) for place, arrays in grouped.items()}
    except OSError as error:
        raise ResultFileError(f"cannot read {path}: {error.strerror}") from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise ResultFileError(f"{path} holds no predictions: {error}") from error


def _sizes(rows: Sequence[Any]) -> NDArray[np.int32]:
    return np.asarray([len(row) for row in rows], np.int32)


def _narrow(values: Array) -> Array:
    """Return class numbers in as few bytes as they need; values as they are."""
    if values.dtype.kind != "i" or not len(values):
        return values
    return values.astype(np.min_scalar_type(int(values.max())) if values.min() >= 0 else np.int64)
