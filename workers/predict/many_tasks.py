"""Several adapters over one base: the same texts through all of them in one pass, or one a row."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from adapter_lib.errors import WrongBaseError
from adapter_lib.joint.multitask import MultiTask
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.backbone import Backbone, Batch
from workers.batches.batching import collate, evaluation_batches
from workers.batches.examples import Examples
from workers.batches.tokens import Tokens
from workers.errors import TaskError
from workers.objectives import Objective, Prediction
from workers.predict.calibrating import calibrate, key_of, usual_shapes
from workers.predict.latency_budget import Calibration, LatencyBudget, Shape
from workers.predict.predictor import Predictor, configuration_of, shape_of

CPU = torch.device("cpu")
Row = Mapping[str, object]
Answers = dict[str, list[Prediction]]
"""Name of an adapter → its answer to each row."""


@dataclass(frozen=True)
class _Group:
    """Adapters that read the same tokens, with their examples."""

    names: tuple[str, ...]
    examples: Mapping[str, Examples]

    @property
    def tokens(self) -> Tokens:
        return self.examples[self.names[0]].tokens


class ManyTasks:
    """Loaded adapters that share their base model in memory."""

    def __init__(self, predictors: Mapping[str, Predictor]) -> None:
        """Serve these by their names.

        Raises:
            TaskError: there is none, or they do not share one backbone.
        """
        self.predictors = dict(predictors)
        if len({id(p.model.backbone) for p in self.predictors.values()}) != 1:
            raise TaskError("expected adapters over one base in memory; load them with `load`")
        self._passes: dict[tuple[str, ...], MultiTask] = {}

    @classmethod
    def load(cls, folders: Mapping[str, Path], *, base_folder: Path | None = None) -> "ManyTasks":
        """Verify and load the adapters in `folders` onto one base.

        Raises:
            TaskError: they belong to different base models, or there is none.
            AdapterFileError, BaseModelSourceError: as for `Predictor.load`.
        """
        loaded: dict[str, Predictor] = {}
        for name, folder in folders.items():
            loaded[name] = _loaded(name, folder, base_folder, loaded)
        return cls(loaded)

    def add(self, name: str, folder: Path) -> None:
        """Load one more adapter onto the same base.

        Raises:
            TaskError, AdapterFileError: as for `load`.
        """
        self.predictors[name] = _loaded(name, folder, None, self.predictors)

    @property
    def backbone(self) -> Backbone:
        return next(iter(self.predictors.values())).model.backbone

    @property
    def dropped_in_training(self) -> bool:
        """Whether all were trained for other depths than their own."""
        return all(p.dropped_in_training for p in self.predictors.values())

    def predict_rows(
        self,
        rows: Mapping[str, Sequence[Row]],
        *,
        places: Sequence[str],
        drop_depth: int = 0,
        budget: LatencyBudget | None = None,
    ) -> Answers:
        """Answer every row by every adapter, in order; those that read the same in one pass.

        Args:
            rows: adapter → the rows as its task's card names their columns.
            places: how messages call each row.
            drop_depth: skip the adapters of this many lowest layers, of all.
            budget: chooses the drop depth instead, for all rows and adapters as one request.

        Raises:
            TaskError: a row is none of a task's kind; its place is named.
            TrialFailedError: what is computed for a row is not finite.
        """
        if not places:
            return {name: [] for name in rows}
        clock = time.perf_counter if budget is None else budget.clock
        started = clock()
        groups = self._groups(rows, places)
        batches = [
            (g, i) for g in groups for i in evaluation_batches(g.tokens, torch.device("cpu"))
        ]
        shapes = [shape_of(group.tokens, indices) for group, indices in batches]
        spent_ms = (clock() - started) * 1e3
        if budget is not None:
            drop_depth = budget.choose(shapes, spent_ms=spent_ms)
        answers: dict[str, dict[int, Prediction]] = {name: {} for name in rows}
        for group, indices in batches:
            batch = collate(group.tokens, indices, "cpu")
            for name, logits in self._logits(group.names, batch, drop_depth).items():
                predictor, examples = self.predictors[name], group.examples[name]
                answers[name] |= predictor.answers(logits, examples, indices, places)
        if budget is not None:
            took_ms = (clock() - started) * 1e3 - spent_ms
            budget.took(shapes, drop_depth, took_ms, spent_ms=spent_ms)
        return {n: [of[i] for i in range(len(places))] for n, of in answers.items()}

    def predict_mixed(
        self,
        rows: Sequence[tuple[str | None, Row]],
        *,
        places: Sequence[str],
        drop_depth: int = 0,
    ) -> list[Prediction | None]:
        """Answer each row by the adapter that it names, in order; None where it names none.

        Rows of different adapters share their passes.

        Raises:
            TaskError: as for `predict_rows`, or there is no such adapter.
            TrialFailedError: what is computed for a row is not finite.
        """
        asked: dict[str, list[int]] = {}
        for number, (name, _) in enumerate(rows):
            if name is not None:
                self._check(name, places[number])
                asked.setdefault(name, []).append(number)
        answers: list[Prediction | None] = [None] * len(rows)
        joint: dict[str, Examples] = {}
        for name, numbers in asked.items():
            predictor, own = self.predictors[name], [rows[i][1] for i in numbers]
            where = [places[i] for i in numbers]
            examples = predictor.encode(predictor.read(own, where))
            if examples.tokens.per_row == 1 and not isinstance(predictor.model.adapter, Fusion):
                joint[name] = examples
                continue
            for number, answer in zip(
                numbers,
                predictor.predict_rows(own, places=where, drop_depth=drop_depth),
                strict=True,
            ):
                answers[number] = answer
        for name, row, answer in self._mixed(joint, asked, places, drop_depth):
            answers[asked[name][row]] = answer
        return answers

    def _mixed(
        self,
        joint: Mapping[str, Examples],
        asked: Mapping[str, Sequence[int]],
        places: Sequence[str],
        drop_depth: int,
    ) -> Iterator[tuple[str, int, Prediction]]:
        """Yield adapter, its row and the answer, from passes over rows of all of them."""
        if not joint:
            return
        together = _joined([examples.tokens for examples in joint.values()])
        owners = [(name, row) for name, examples in joint.items() for row in range(len(examples))]
        pass_ = self._pass(tuple(joint))
        for indices in evaluation_batches(together, CPU):
            own = [owners[i] for i in indices]
            batch = collate(together, indices, "cpu")
            with torch.inference_mode():
                found = pass_.mixed(batch, [name for name, _ in own], drop_depth=drop_depth)
            for name, logits in found.logits.items():
                mine = np.asarray([row for owner, row in own if owner == name], np.int64)
                where = [places[number] for number in asked[name]]
                answers = self.predictors[name].answers(logits, joint[name], mine, where)
                yield from ((name, row, answer) for row, answer in answers.items())

    def calibrate(
        self,
        shapes: Sequence[Shape] | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Calibration:
        """Measure on this machine what passes of all tasks take at every depth.

        Args:
            shapes: rows and tokens of batches; by default single rows of all lengths.
            clock: in seconds.
        """
        longest = max(predictor.max_length for predictor in self.predictors.values())
        names = tuple(self.predictors)

        def run(batch: Batch, depth: int) -> object:
            return self._logits(names, batch, depth)

        return calibrate(run, self.backbone, shapes or usual_shapes(longest), clock=clock)

    @property
    def calibration_key(self) -> str:
        """What a calibration of these on this machine is found by again."""
        return key_of(self.backbone, [configuration_of(p.model) for p in self.predictors.values()])

    def _groups(self, rows: Mapping[str, Sequence[Row]], places: Sequence[str]) -> list[_Group]:
        known: dict[tuple[object, ...], Tokens] = {}
        by_tokens: dict[tuple[str, int], dict[str, Examples]] = {}
        for name, own in rows.items():
            self._check(name, "the adapters")
            examples = self._encoded(self.predictors[name], own, places, known)
            tokens = examples.tokens
            by_tokens.setdefault((tokens.digest, tokens.per_row), {})[name] = examples
        return [_Group(tuple(examples), examples) for examples in by_tokens.values()]

    def _encoded(
        self,
        predictor: Predictor,
        own: Sequence[Row],
        places: Sequence[str],
        known: dict[tuple[object, ...], Tokens],
    ) -> Examples:
        """Tokenise rows, but not again what another adapter reads in the same way."""
        read = predictor.read(own, places)
        if type(predictor.objective).encode is not Objective.encode:
            return predictor.encode(read)
        key = (tuple(read.texts), read.pairs and tuple(read.pairs), predictor.max_length)
        if key not in known:
            known[key] = predictor.encode(read).tokens
        return Examples(known[key], np.asarray(read.labels), read)

    def _logits(self, names: tuple[str, ...], batch: Batch, depth: int) -> dict[str, Tensor]:
        """Return each adapter's logits; fusions, which share no pass, on their own."""
        alone = [n for n in names if isinstance(self.predictors[n].model.adapter, Fusion)]
        shared = tuple(name for name in names if name not in alone)
        if len(shared) == 1:
            alone, shared = list(names), ()
        with torch.inference_mode():
            found = {n: self.predictors[n].model(batch, drop_depth=depth) for n in alone}
            if shared:
                found |= self._pass(shared)(batch, drop_depth=depth)
        return found

    def _pass(self, names: tuple[str, ...]) -> MultiTask:
        if names not in self._passes:
            models = {name: self.predictors[name].model for name in names}
            self._passes[names] = MultiTask(models).eval()
        return self._passes[names]

    def _check(self, name: str, place: str) -> None:
        if name not in self.predictors:
            raise TaskError(
                f"{place}: expected one of the adapters {', '.join(self.predictors)}, found "
                f"{name!r}; name one of them"
            )


def _loaded(
    name: str, folder: Path, base_folder: Path | None, others: Mapping[str, Predictor]
) -> Predictor:
    """Load an adapter onto the base that the others have in memory already."""
    known = next((other.model.backbone for other in others.values()), None)
    try:
        return Predictor.load(folder, base_folder=base_folder, backbone=known)
    except WrongBaseError as error:
        raise TaskError(
            f"{name}: expected an adapter over the base of {', '.join(others)}: {error}"
        ) from error


def _joined(parts: Sequence[Tokens]) -> Tokens:
    """Put tokens of several adapters one after another; what is read of characters stays apart."""
    ends = np.cumsum([0, *(len(tokens.ids) for tokens in parts)])
    offsets = [tokens.offsets[1:] + end for tokens, end in zip(parts, ends[:-1], strict=True)]
    first = parts[0]
    types = [tokens.types for tokens in parts if tokens.types is not None]
    return Tokens(
        ids=np.concatenate([tokens.ids for tokens in parts]),
        offsets=np.concatenate([np.zeros(1, np.int64), *offsets]),
        types=np.concatenate(types) if types else None,
        pad_id=first.pad_id,
        cut=np.concatenate([tokens.cut for tokens in parts]),
        textless=np.concatenate([tokens.textless for tokens in parts]),
    )
