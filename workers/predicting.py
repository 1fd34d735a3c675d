"""Use a trained adapter: load it onto its base model, verified, and predict texts."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from workers.evaluation import predictions
from workers.tasks.card import TaskCard, TaskKind
from workers.tasks.rows import Rows
from workers.tokens import tokenise, tokenizer_for

BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """What an adapter says of one text.

    Attributes:
        label: the class's name, or None for a regression.
        value: the class's probability, or the regression's value in the task's own range.
        probabilities: class name → probability; empty for a regression.
    """

    label: str | None
    value: float
    probabilities: dict[str, float]

    def __str__(self) -> str:
        return f"{self.label} ({self.value:.1%})" if self.label else f"{self.value:.3f}"


class Predictor:
    """A loaded adapter with its base model and tokenizer."""

    def __init__(self, model: AdapterModel, tokenizer: Any, task: dict[str, Any]) -> None:
        self.model = model
        self.card = TaskCard.model_validate({k: task[k] for k in TaskCard.model_fields})
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
        self, texts: Sequence[str], pairs: Sequence[str] | None = None, *, drop_depth: int = 0
    ) -> list[Prediction]:
        """Predict each text, or each pair of texts, in order.

        Args:
            drop_depth: skip the adapters of this many lowest layers, 0…L.

        Raises:
            TaskError: the task wants pairs and got single sentences, or the other way round.
        """
        wants_pairs = self.card.columns.text_pair is not None
        if wants_pairs != (pairs is not None):
            raise TaskError(
                f"task {self.card.name} takes {'two sentences' if wants_pairs else 'one sentence'}"
                f" each, found {'two' if pairs is not None else 'one'}; "
                f"{'give a second text' if wants_pairs else 'leave the second text out'}"
            )
        rows = Rows(
            texts=tuple(texts),
            pairs=tuple(pairs) if pairs is not None else None,
            labels=(0,) * len(texts),
        )
        tokens = tokenise(self._tokenizer, rows, max_length=self._max_length)
        answers: list[Prediction | None] = [None] * len(texts)
        for indices in evaluation_batches(tokens, batch_size=BATCH):
            with torch.inference_mode():
                logits = self.model(collate(tokens, indices, "cpu"), drop_depth=drop_depth)
            for index, answer in zip(indices, self._answers(logits.float()), strict=True):
                answers[int(index)] = answer
        return [a for a in answers if a is not None]

    def _answers(self, logits: torch.Tensor) -> list[Prediction]:
        if self.card.kind is TaskKind.REGRESSION:
            return [Prediction(None, float(v), {}) for v in predictions(self.card, logits)]
        answers = []
        for row in logits.softmax(dim=-1).tolist():
            named = dict(zip(self.card.label_names, row, strict=True))
            label = max(named, key=lambda name: named[name])
            answers.append(Prediction(label, named[label], named))
        return answers
