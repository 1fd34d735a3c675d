"""Use a trained adapter: load it onto its base model, verified, and predict texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from adapter_lib.model import AdapterModel
from adapter_lib.storage.files import load_adapter, read_manifest
from adapter_lib.transformer.backbone import Backbone
from workers.bases.base_models import fetch_base_model
from workers.batches.batching import collate, evaluation_batches
from workers.batches.tokens import tokenizer_for
from workers.contract.results import FailureReason
from workers.contract.task_card import TaskCard
from workers.errors import TaskError, TrialFailedError
from workers.objectives import Prediction as Prediction
from workers.objectives import objective_for
from workers.tasks.checking import read_rows


class Predictor:
    """A loaded adapter with its base model and tokenizer."""

    def __init__(self, model: AdapterModel, tokenizer: Any, task: dict[str, Any]) -> None:
        self.model = model
        known = [name for name in TaskCard.model_fields if name in task]
        self.card = TaskCard.model_validate({name: task[name] for name in known})
        self._tokenizer = tokenizer
        self._max_length = int(task["max_length"])

    @classmethod
    def load(cls, folder: Path, *, base_folder: Path | None = None) -> "Predictor":
        """Verify and load the adapter in `folder`.

        Args:
            base_folder: where the base model lies; by default where it was when training.

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
        model = load_adapter(folder, Backbone.from_folder(base, name=manifest.base.name))
        model.eval()
        return cls(model, tokenizer_for(base), dict(manifest.task))

    def predict(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        choices: Sequence[Sequence[str]] | None = None,
        drop_depth: int = 0,
    ) -> list[Prediction]:
        """Predict each text, or each pair of texts, in order.

        Args:
            texts: for spans the questions, for token classification words with spaces between.
            pairs: for spans the contexts.
            choices: for multiple choice, those of each text.
            drop_depth: skip the adapters of this many lowest layers, 0…L.

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
            [dict(zip(parts, row, strict=True)) for row in values], drop_depth=drop_depth
        )

    def predict_rows(
        self,
        rows: Sequence[Mapping[str, object]],
        *,
        places: Sequence[str] | None = None,
        drop_depth: int = 0,
    ) -> list[Prediction]:
        """Predict each row, in order: as many predictions as rows.

        Args:
            rows: by the column names of the task's card; other columns, labels too, are not read.
            places: how messages call each row; `row 1` and so on by default.
            drop_depth: skip the adapters of this many lowest layers, 0…L.

        Raises:
            TaskError: a row is none of the task's kind; its place is named.
            TrialFailedError: what is computed for a row is not finite; its place is named.
        """
        if not rows:
            return []
        places = places or [f"row {number}" for number in range(1, len(rows) + 1)]
        read = read_rows(
            zip(places, rows, strict=True), self.card, where="the rows", labelled=False
        )
        objective = objective_for(self.card)
        examples = objective.encode(self._tokenizer, read, max_length=self._max_length)
        answers: dict[int, Prediction] = {}
        for indices in evaluation_batches(examples.tokens, torch.device("cpu")):
            with torch.inference_mode():
                logits = self.model(collate(examples.tokens, indices, "cpu"), drop_depth=drop_depth)
            logits = logits.float()
            if not logits.isfinite().all():
                of_rows = logits.isfinite().flatten(1).all(dim=1)
                place = places[int(indices[int(of_rows.logical_not().nonzero()[0])])]
                raise TrialFailedError(
                    FailureReason.DIVERGED,
                    f"{place}: the adapter gives values that are not finite; expected numbers. "
                    "Take another adapter",
                )
            found = objective.answer(logits, examples, indices)
            answers |= zip(map(int, indices), found, strict=True)
        return [answers[number] for number in range(len(rows))]

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
