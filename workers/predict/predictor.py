"""Use a trained adapter: load it onto its base model, verified, and predict texts."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.files import load_adapter, read_manifest
from adapter_lib.transformer.backbone import Backbone, Batch
from workers.bases.base_models import fetch_base_model
from workers.batches.batching import Indices, collate, evaluation_batches
from workers.batches.examples import Examples
from workers.batches.tokens import Tokens, tokenizer_for
from workers.contract.results import FailureReason
from workers.contract.task_card import TaskCard
from workers.contract.trial import DropMode
from workers.errors import TaskError, TrialFailedError
from workers.objectives import Prediction, objective_for
from workers.predict.calibrating import calibrate, key_of, usual_shapes
from workers.predict.latency_budget import Calibration, LatencyBudget, Shape
from workers.tasks.checking import read_rows
from workers.tasks.rows import Rows


class Predictor:
    """A loaded adapter with its base model and tokenizer.

    Attributes:
        max_length: tokens that a row is cut to.
        dropped_in_training: whether it was trained for other depths than its own.
    """

    def __init__(self, model: AdapterModel, tokenizer: Any, task: dict[str, Any]) -> None:
        self.model = model
        known = [name for name in TaskCard.model_fields if name in task]
        self.card = TaskCard.model_validate({name: task[name] for name in known})
        self.objective = objective_for(self.card)
        self.tokenizer = tokenizer
        self.max_length = int(task["max_length"])
        self.dropped_in_training = True

    @classmethod
    def load(
        cls, folder: Path, *, base_folder: Path | None = None, backbone: Backbone | None = None
    ) -> "Predictor":
        """Verify and load the adapter in `folder`.

        Args:
            base_folder: where the base model lies; by default where it was when training.
            backbone: that base model, where it is in memory already.

        Raises:
            AdapterFileError: damaged or incomplete files.
            WrongBaseError: the base model is another one than it was trained on.
            BaseModelSourceError: the base model is not there.
        """
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        manifest = read_manifest(folder)
        origin = manifest.provenance
        base = base_folder or fetch_base_model(
            str(origin["base_source"]), origin.get("base_revision")
        )
        backbone = backbone or Backbone.from_folder(base, name=manifest.base.name)
        made = cls(load_adapter(folder, backbone).eval(), tokenizer_for(base), dict(manifest.task))
        made.dropped_in_training = origin.get("drop_mode") == DropMode.ROBUST
        return made

    def predict(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        choices: Sequence[Sequence[str]] | None = None,
        drop_depth: int = 0,
        budget: LatencyBudget | None = None,
    ) -> list[Prediction]:
        """Predict each text, or each pair of texts, in order.

        Args:
            texts: for spans the questions, for token classification words with spaces between.
            pairs: for spans the contexts.
            choices: for multiple choice, those of each text.
            drop_depth: skip the adapters of this many lowest layers, 0…L.
            budget: chooses the drop depth instead, for all texts as one request.

        Raises:
            TaskError: the task wants pairs or choices and got none, or the other way round; or a
                row is none of its kind, such as one without words, which its number names.
        """
        self._check_parts(pairs, choices)
        columns = self.card.columns
        parts: dict[str, Sequence[object]] = {columns.text: texts}
        if pairs is not None and columns.text_pair is not None:
            parts[columns.text_pair] = pairs
        if choices is not None:
            parts[columns.choices] = choices
        if len({len(part) for part in parts.values()}) > 1:
            counts = " and ".join(f"{len(part)} of {name}" for name, part in parts.items())
            raise TaskError(f"expected as many of each part of the rows, found {counts}")
        values = zip(*parts.values(), strict=True)
        return self.predict_rows(
            [dict(zip(parts, row, strict=True)) for row in values],
            drop_depth=drop_depth,
            budget=budget,
        )

    def predict_rows(
        self,
        rows: Sequence[Mapping[str, object]],
        *,
        places: Sequence[str] | None = None,
        drop_depth: int = 0,
        budget: LatencyBudget | None = None,
    ) -> list[Prediction]:
        """Predict each row, in order: as many predictions as rows.

        Args:
            rows: by the column names of the task's card; other columns, labels too, are not read.
            places: how messages call each row; `row 1` and so on by default.
            drop_depth: skip the adapters of this many lowest layers, 0…L.
            budget: chooses the drop depth instead, for all rows as one request.

        Raises:
            TaskError: a row is none of the task's kind; its place is named.
            TrialFailedError: what is computed for a row is not finite; its place is named.
        """
        if not rows:
            return []
        clock = time.perf_counter if budget is None else budget.clock
        started = clock()
        places = places or [f"row {number}" for number in range(1, len(rows) + 1)]
        examples = self.encode(self.read(rows, places))
        batches = evaluation_batches(examples.tokens, torch.device("cpu"))
        shapes = [shape_of(examples.tokens, indices) for indices in batches]
        spent_ms = (clock() - started) * 1e3
        if budget is not None:
            drop_depth = budget.choose(shapes, spent_ms=spent_ms)
        answers: dict[int, Prediction] = {}
        for indices in batches:
            with torch.inference_mode():
                logits = self.model(collate(examples.tokens, indices, "cpu"), drop_depth=drop_depth)
            answers |= self.answers(logits, examples, indices, places)
        if budget is not None:
            took_ms = (clock() - started) * 1e3 - spent_ms
            budget.took(shapes, drop_depth, took_ms, spent_ms=spent_ms)
        return [answers[number] for number in range(len(rows))]

    def read(self, rows: Sequence[Mapping[str, object]], places: Sequence[str]) -> Rows:
        """Check rows as training rows are checked, labels apart.

        Raises:
            TaskError: a row is none of the task's kind; its place is named.
        """
        return read_rows(
            zip(places, rows, strict=True), self.card, where="the rows", labelled=False
        )

    def encode(self, rows: Rows) -> Examples:
        """Tokenise rows as the task's objective does."""
        return self.objective.encode(self.tokenizer, rows, max_length=self.max_length)

    def answers(
        self, logits: Tensor, examples: Examples, indices: Indices, places: Sequence[str]
    ) -> dict[int, Prediction]:
        """Return what logits of the rows at `indices` say, by row.

        Raises:
            TrialFailedError: a logit is not finite; the row's place is named.
        """
        logits = logits.float()
        if not logits.isfinite().all():
            of_rows = logits.isfinite().flatten(1).all(dim=1)
            wrong = int(of_rows.logical_not().nonzero()[0])
            raise TrialFailedError(
                FailureReason.DIVERGED,
                f"{places[int(indices[wrong])]}: the adapter gives values that are not finite; "
                "expected numbers. Take another adapter",
            )
        found = self.objective.answer(logits, examples, indices)
        return dict(zip(map(int, indices), found, strict=True))

    def calibrate(
        self,
        shapes: Sequence[Shape] | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Calibration:
        """Measure on this machine what passes take at every depth, in some seconds.

        Args:
            shapes: rows and tokens of batches; by default single rows of all lengths.
            clock: in seconds.
        """

        @torch.inference_mode()
        def run(batch: Batch, depth: int) -> Tensor:
            logits: Tensor = self.model(batch, drop_depth=depth)
            return logits

        rows = self.card.choices or 1
        shapes = shapes or usual_shapes(self.max_length, rows=rows)
        return calibrate(run, self.model.backbone, shapes, clock=clock)

    @property
    def calibration_key(self) -> str:
        """What a calibration of this predictor on this machine is found by again."""
        return key_of(self.model.backbone, [configuration_of(self.model)])

    def _check_parts(
        self, pairs: Sequence[str] | None, choices: Sequence[Sequence[str]] | None
    ) -> None:
        wants_pairs = self.card.columns.text_pair is not None
        if wants_pairs != (pairs is not None):
            raise TaskError(
                f"task {self.card.name} takes {'two sentences' if wants_pairs else 'one sentence'}"
                f" each, found {'two' if pairs is not None else 'one'}; "
                f"{'give a second text' if wants_pairs else 'leave the second text out'}"
            )
        found = {len(each) for each in choices} if choices is not None else {None}
        if found - {self.card.choices}:
            raise TaskError(
                f"task {self.card.name} takes {self.card.choices or 'no'} choices each, found "
                f"{' and '.join(map(str, found))}; give as many for every text"
            )


def shape_of(tokens: Tokens, indices: Indices) -> Shape:
    """Return the shape of the batch that the rows at `indices` make."""
    return len(indices) * tokens.per_row, int(tokens.lengths[indices].max())


def configuration_of(model: AdapterModel) -> list[object]:
    """Return what a pass over the base takes longer for, as plain JSON values."""
    adapter: object = None
    if isinstance(model.adapter, Adapter):
        adapter = model.adapter.config.as_fields()
    elif isinstance(model.adapter, Fusion):
        kept = {str(layer): len(names) for layer, names in model.adapter.kept.items()}
        adapter = [model.adapter.config.as_fields(), kept]
    return [adapter, model.head.config.as_fields()]
