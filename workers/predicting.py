"""Use a trained adapter: load it onto its base model, verified, and predict texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from adapter_lib.backbone import Backbone
from adapter_lib.files import load_adapter, read_manifest
from adapter_lib.model import AdapterModel
from workers.base_models import fetch_base_model
from workers.batching import collate, evaluation_batches
from workers.errors import TaskError
from workers.objectives import Prediction as Prediction
from workers.objectives import objective_for
from workers.tasks.card import TaskCard, TaskKind
from workers.tasks.rows import Label, Rows
from workers.tokens import tokenizer_for


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
            TaskError: the task wants pairs or choices and got none, or the other way round.
        """
        examples = objective_for(self.card).encode(
            self._tokenizer, self._rows(texts, pairs, choices), max_length=self._max_length
        )
        objective = objective_for(self.card)
        answers: list[Prediction | None] = [None] * len(texts)
        for indices in evaluation_batches(examples.tokens, torch.device("cpu")):
            with torch.inference_mode():
                logits = self.model(collate(examples.tokens, indices, "cpu"), drop_depth=drop_depth)
            found = objective.answer(logits.float(), examples, indices)
            for index, answer in zip(indices, found, strict=True):
                answers[int(index)] = answer
        return [a for a in answers if a is not None]

    def _rows(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None,
        choices: Sequence[Sequence[str]] | None,
    ) -> Rows:
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
        words = self.card.kind is TaskKind.TOKEN_CLASSIFICATION
        if words:
            texts = [" ".join(text.split()) for text in texts]
        labels: tuple[Label, ...] = (0,) * len(texts)
        if words:
            labels = tuple((0,) * len(text.split(" ")) for text in texts)
        return Rows(
            texts=tuple(texts),
            pairs=tuple(pairs) if pairs is not None else None,
            labels=labels,
            choices=tuple(map(tuple, choices)) if choices is not None else None,
        )
