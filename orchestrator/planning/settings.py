"""What a trial's settings are, by the names of the sweep YAML, and words for those that differ.

`Trial.label` says what one trial is; how it is trained it leaves out, and what its parents are it
does not know. A table knows more: its labels also say whatever differs between its rows. Pure.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from adapter_lib.config.settings import REQUIRED
from orchestrator.spec.axes import AXES, FUSION, TRAINING
from workers.contract.trial import RECIPE_VERSION, Training, Trial

Settings = Mapping[str, Any]
"""Axis → plain value: the keys of a condition but task and seed, those of parents with a prefix."""

AXIS_NAMES = tuple(AXES)
"""Every axis of a sweep, in the order of the YAML."""

SOURCE, PRETRAINING = "source_", "pretraining_"
"""What begins the axes of a fusion's sources, and of what pre-trained an adapter."""

_MARKS = {SOURCE: "source_tasks", PRETRAINING: "pretraining_texts"}
"""What a trial with such parents always has, so that an axis without a value is the usual one."""


def _plain(value: Any) -> Any:
    """Return what JSON can hold: numbers, text, and lists of them."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return str(value)


_TRAINING = frozenset(axis.name for axis in TRAINING.values())
_OF_FUSION = ("sources", "random_sources", *(axis.name for axis in FUSION.values()))

_USUAL: Mapping[str, Any] = {
    name: _plain(axis.usual)
    for name, axis in AXES.items()
    if axis.usual is not REQUIRED and (axis.usual is not None or name in _TRAINING)
}
"""Values that need not be written; what has none here, such as a bottleneck's size, always is."""

_DENIED = {
    "random sources": "trained sources",
    "pretrained": "not pre-trained",
    "trained norm": "frozen norm",
    "use pooler": "no pooler",
    "query before norm": "query after norm",
    "initial std": "usual initial std",
}
"""What is said of settings that are off, where "no" before their name is no English."""

_ABSENT = object()


def settings(trial: Trial, parents: Mapping[str, Trial]) -> dict[str, Any]:
    """Return every setting of a trial and of what it builds on; axes that it has not are left out.

    Args:
        parents: trials by id; those that are not among them say nothing.
    """
    found = {name: value for name, value in _axes(trial) if name not in ("task", "seed")}
    if trial.fusion is not None:
        found[_MARKS[SOURCE]] = [source.task for source in trial.fusion.sources]
        found |= _of_sources([parents[p] for p in trial.parents if p in parents], parents)
    for parent in (parents[p] for p in trial.parents if p in parents):
        if trial.pruning is not None:
            fused = settings(parent, parents)
            found |= {k: v for k, v in fused.items() if k in _OF_FUSION or k.startswith(SOURCE)}
        elif trial.removal is not None:
            trained = settings(parent, parents)
            found |= {k: v for k, v in trained.items() if k.startswith(("pretrained", PRETRAINING))}
        elif trial.start_from is not None:
            found[_MARKS[PRETRAINING]] = parent.task.name
            trained = parent.training.model_dump(mode="json")
            found |= {PRETRAINING + name: value for name, value in trained.items()}
    return found | {"base_identity": _identity(trial)}


def unsaid(trial: Trial, parents: Mapping[str, Trial]) -> dict[str, Any]:
    """Return what a trial's label leaves out, as far as it is not the usual.

    Two trials of a task with the same label and the same of these have the same configuration.
    """
    found: dict[str, Any] = {"base_model": trial.base.name, "base_identity": _identity(trial)}
    if trial.adapter is not None:
        found["initialisation"] = trial.adapter.initialisation.value
    found |= _unusual_training(trial.training)
    if trial.parents:  # which are few, or it would take long for a hundred thousand trials
        inherited = (*_MARKS, *(_OF_FUSION if trial.pruning is not None else ()))
        found |= {
            name: value
            for name, value in settings(trial, parents).items()
            if name.startswith(inherited) and _usual(name) != value
        }
    return found | {"recipe": RECIPE_VERSION}


def differing(rows: Iterable[Settings]) -> tuple[str, ...]:
    """Return the axes of which rows have different values, in the order of the YAML.

    That a row does not have an axis at all is no difference: its method says so.
    """
    every = list(rows)
    written = dict.fromkeys(name for row in every for name in row)
    # What no row says is the usual in all of them that have it.
    order = [*(name for name in AXES if name in written), *(n for n in written if n not in AXES)]
    values = {name: [_hashable(_read(row, name)) for row in every] for name in order}
    found = [name for name in order if len(set(values[name]) - {_ABSENT}) > 1]
    if "base_model" in found and "base_identity" in found:
        # Names are what people know; hashes are said where one name stands for two models.
        told = len(set(values["base_model"]))
        both = len(set(zip(values["base_model"], values["base_identity"], strict=True)))
        found = [name for name in found if name != "base_identity" or both > told]
    return tuple(found)


def words(row: Settings, names: Sequence[str]) -> Iterator[str]:
    """Say the value of each of these axes that a trial has."""
    for name in names:
        value = _read(row, name)
        if value is _ABSENT:
            continue
        text = name.removesuffix("_model").replace("_", " ")
        if value is None or isinstance(value, bool):
            yield text if value else _DENIED.get(text, f"no {text}")
        elif isinstance(value, list):
            yield f"{text} {'/'.join(map(_short, value))}"
        else:
            yield f"{text} {_short(value)}"


def labelled(label: str, more: Iterable[str]) -> str:
    """Put more words into a trial's label, before its seed where it ends with one."""
    parts = label.split(" · ")
    at = len(parts) - parts[-1].startswith("seed ")
    return " · ".join([*parts[:at], *more, *parts[at:]])


class Labels:
    """Labels of planned trials, each with whatever differs between them."""

    def __init__(self, trials: Mapping[str, Trial]) -> None:
        """Compare all of them once.

        Args:
            trials: by trial_id, with those that they build on.
        """
        self._trials = trials
        rows = {json.dumps(row): row for t in trials.values() for row in (unsaid(t, trials),)}
        self._names = differing(rows.values())

    def of(self, trial_id: str) -> str:
        """Return the label of one of the trials."""
        trial = self._trials[trial_id]
        return labelled(trial.label, words(unsaid(trial, self._trials), self._names))


def _axes(trial: Trial) -> Iterator[tuple[str, Any]]:
    for name, axis in AXES.items():
        value = axis.read(trial)
        if value is not None or name in _TRAINING:
            yield name, _plain(value)


@lru_cache(maxsize=1024)
def _unusual_training(training: Training) -> dict[str, Any]:
    found = training.model_dump(mode="json")
    return {name: value for name, value in found.items() if value != _USUAL[name]}


def _identity(trial: Trial) -> str:
    """Return the first digits of a base model's hash or commit."""
    return trial.base.identity.replace("@", ":").rpartition(":")[2][:8]


def _of_sources(sources: Sequence[Trial], parents: Mapping[str, Trial]) -> dict[str, Any]:
    """Return what fused adapters are: a value where all have it, otherwise a list."""
    values: dict[str, list[Any]] = {}
    for source in sources:
        for name, value in settings(source, parents).items():
            if name not in ("base_model", "base_identity", "method"):
                seen = values.setdefault(SOURCE + name, [])
                if value not in seen:
                    seen.append(value)
    return {
        name: seen[0] if len(seen) == 1 else sorted(seen, key=str) for name, seen in values.items()
    }


def _usual(name: str) -> Any:
    for prefix in (SOURCE, PRETRAINING):
        name = name.removeprefix(prefix)
    return _USUAL.get(name, _ABSENT)


def _read(row: Settings, name: str) -> Any:
    """Return an axis's value, the usual one where it is not written and the trial has the axis."""
    if name in row:
        return row[name]
    for prefix, mark in _MARKS.items():
        if name.startswith(prefix) and mark not in row:
            return _ABSENT
    of_pruned = name in _OF_FUSION and "sources" in row  # of others the label says it
    named = name in _TRAINING or name.startswith(tuple(_MARKS)) or of_pruned
    return _usual(name) if named else _ABSENT


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
