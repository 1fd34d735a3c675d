"""What trials have left, and how much it is: in their folders, or from lists of many objects."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workers.contract.storage.object_storage import ObjectStorage, at_once
from workers.contract.storage.trial_files import ADAPTER, MODEL, PRUNED, RESULT

_FEW = 32
"""So many trials are looked for one by one; for more, all trials with the same first digits."""


@dataclass(frozen=True)
class Found:
    """Whether a trial has a result and an adapter; what they are worth is not looked at.

    Attributes:
        pruned: whether its adapter was let go on purpose.
    """

    result: bool = False
    adapter: bool = False
    pruned: bool = False


@dataclass(frozen=True)
class Size:
    """How many bytes a trial's files have; of those, adapter and checkpoints `model_bytes`."""

    total_bytes: int = 0
    model_bytes: int = 0


def size_in_folder(folder: Path) -> Size:
    """Add up the files in a trial's folder, of which some may go meanwhile."""
    sizes = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    return _size(sizes)


def object_sizes(storage: ObjectStorage, trial_ids: Sequence[str]) -> Mapping[str, Size]:
    """Add up the objects of trials.

    Raises:
        StorageError: the storage does not answer.
    """
    left = _objects(storage, trial_ids)
    return {i: _size(left.get(i, {})) for i in trial_ids}


def _size(sizes: Mapping[str, int]) -> Size:
    model = (size for name, size in sizes.items() if name.partition("/")[0] in MODEL)
    return Size(sum(sizes.values()), sum(model))


def found_objects(storage: ObjectStorage, trial_ids: Sequence[str]) -> Mapping[str, Found]:
    """Look for what trials have left.

    Raises:
        StorageError: the storage does not answer.
    """
    left = _objects(storage, trial_ids)
    kinds = {i: {name.partition("/")[0] for name in left.get(i, ())} for i in trial_ids}
    return {
        i: Found(RESULT in found, ADAPTER in found, PRUNED in found) for i, found in kinds.items()
    }


def _objects(storage: ObjectStorage, trial_ids: Sequence[str]) -> Mapping[str, dict[str, int]]:
    """Return trial → name → bytes of what it has left, of these trials and perhaps of others."""
    few = len(trial_ids) <= _FEW
    prefixes = {f"trials/{i[:2]}/{i}" if few else f"trials/{i[:2]}" for i in trial_ids}
    left: dict[str, dict[str, int]] = {}
    for sizes in at_once(storage.sizes, sorted(prefixes)):
        for name, size in sizes.items():
            _, _, trial_id, what = (*name.split("/", 3), "")[:4]
            left.setdefault(trial_id, {})[what] = size
    return left
