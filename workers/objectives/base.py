"""The interface of a kind of task: its tokens, loss, predictions and scores.

Legend for shapes: b batch, s tokens.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adapter_lib.joint.joint_pass import at_depths_of
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.batch import to_device
from workers.batches.batching import Indices
from workers.batches.examples import Examples
from workers.batches.feeding import Feed
from workers.batches.tokens import tokenise
from workers.contract.predictions import Predictions
from workers.contract.results import Reading
from workers.contract.task_card import TaskCard
from workers.objectives.divergence import finite_logits
from workers.tasks.metrics import majority_baseline, score_rows
from workers.tasks.rows import Rows


@dataclass(frozen=True)
class Prediction:
    """What an adapter says of one row.

    Attributes:
        label: the class's name, the choice, the answer, or the words' labels with spaces between;
            None for a regression.
        value: the label's probability, or the regression's value in the task's own range.
        probabilities: class or choice → probability, where there are few; otherwise empty.
        labels: for token classification alone, the label of each word.
    """

    label: str | None
    value: float
    probabilities: dict[str, float]
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.label} ({self.value:.1%})" if self.label is not None else f"{self.value:.3f}"


class Objective(ABC):
    """One kind of task. It keeps nothing but the card."""

    def __init__(self, card: TaskCard) -> None:
        self.card = card

    def encode(self, tokenizer: Any, rows: Rows, *, max_length: int) -> Examples:
        """Tokenise a split, at most `max_length` tokens a sequence."""
        tokens = tokenise(tokenizer, rows, max_length=max_length)
        return Examples(tokens, np.asarray(rows.labels), rows)

    def reading(self, examples: Examples) -> Reading:
        """Count what the tokenizer and the maximal length left of a split."""
        tokens = examples.tokens
        return Reading(
            rows=len(examples),
            cut=tokens.count(tokens.cut),
            textless=tokens.count(tokens.textless),
            tokens=len(tokens.ids),
            sequences=len(tokens.offsets) - 1,
        )

    def loss(self, model: AdapterModel, feed: Feed, indices: Indices, *, drop_depth: int) -> Tensor:
        """Return the mean loss of the rows at `indices`, a scalar."""
        start = feed.start(indices, model.entry(drop_depth))
        logits = model(feed.batch(indices), drop_depth=drop_depth, start=start)
        return self.logits_loss(logits.float(), feed.examples, indices)

    def predict(
        self, model: AdapterModel, feed: Feed, indices: Indices, *, depths: Sequence[int]
    ) -> dict[int, Predictions]:
        """Return depth → what is said of the rows at `indices`, in their order."""
        return self.predict_all([model], feed, indices, depths=depths)[0]

    def predict_all(
        self,
        models: Sequence[AdapterModel],
        feed: Feed,
        indices: Indices,
        *,
        depths: Sequence[int],
    ) -> list[dict[int, Predictions]]:
        """Return what `predict` does for each of several models over one base, in one pass.

        Raises:
            TrialFailedError: a logit is not finite.
        """
        batch = feed.batch(indices)
        found = at_depths_of(
            models, batch, depths, start_at=lambda cut_point: feed.start(indices, cut_point)
        )
        return [
            {
                depth: self._predictions(finite_logits(model, logits, batch), feed, indices)
                for depth, logits in of.items()
            }
            for model, of in zip(models, found, strict=True)
        ]

    def _predictions(self, logits: Tensor, feed: Feed, indices: Indices) -> Predictions:
        answers = self.decode(logits, feed.examples, indices)
        kept = logits.to(torch.float16).cpu().numpy() if logits.ndim == 2 else None
        return Predictions(answers, kept)

    @abstractmethod
    def logits_loss(self, logits: Tensor, examples: Examples, indices: Indices) -> Tensor:
        """Return the mean loss of a batch from its logits in float32."""

    @abstractmethod
    def decode(self, logits: Tensor, examples: Examples, indices: Indices) -> Sequence[Any]:
        """Turn logits into what `score` compares, one entry per row."""

    @abstractmethod
    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        """Say what logits mean, for people."""

    def score(self, predicted: Sequence[Any], examples: Examples) -> dict[str, float]:
        """Score predictions of all rows, in order, by every metric of the card."""
        return score_rows(self.card, predicted, examples.rows)

    def majority(self, train: Rows, evaluation: Rows) -> float:
        """Return the primary metric of an answer that reads nothing of the row."""
        return majority_baseline(self.card, train, evaluation)


def on_device(values: Any, logits: Tensor, dtype: torch.dtype = torch.long) -> Tensor:
    """Return values as a tensor where the logits are, without waiting for them."""
    return to_device(torch.as_tensor(np.asarray(values), dtype=dtype), logits.device)


def mean_of_given(losses: Tensor, targets: Tensor, ignored: int) -> Tensor:
    """Return the mean of losses whose target is given; 0, with a gradient, if none is."""
    return losses.sum() / (targets != ignored).sum().clamp(min=1)
