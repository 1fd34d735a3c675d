"""Classification and regression of a sentence or a pair."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from workers.batches.batching import Indices
from workers.batches.examples import Examples
from workers.objectives.base import Objective, Prediction, on_device


class Classes(Objective):
    """Logits (b, labels); labels are class numbers."""

    def logits_loss(self, logits: Tensor, examples: Examples, indices: Indices) -> Tensor:
        return functional.cross_entropy(logits, on_device(examples.labels[indices], logits))

    def decode(self, logits: Tensor, examples: Examples, indices: Indices) -> Sequence[Any]:
        return logits.argmax(dim=-1).cpu().numpy()  # type: ignore[return-value]

    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        answers = []
        for row in logits.softmax(dim=-1).tolist():
            named = dict(zip(self.card.label_names, row, strict=True))
            label = max(named, key=lambda name: named[name])
            answers.append(Prediction(label, named[label], named))
        return answers


class Values(Objective):
    """Logits (b, 1); labels are targets, scaled to 0…1 for training if the card has a range."""

    def logits_loss(self, logits: Tensor, examples: Examples, indices: Indices) -> Tensor:
        low, high = self._range
        wanted = (examples.labels[indices] - low) / (high - low)
        return functional.mse_loss(logits[:, 0], on_device(wanted, logits, torch.float32))

    def decode(self, logits: Tensor, examples: Examples, indices: Indices) -> Sequence[Any]:
        low, high = self._range
        values: np.ndarray = (logits[:, 0].double() * (high - low) + low).cpu().numpy()
        return values  # type: ignore[return-value]

    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        return [Prediction(None, float(v), {}) for v in self.decode(logits, examples, indices)]

    @property
    def _range(self) -> tuple[float, float]:
        return self.card.label_range or (0.0, 1.0)
