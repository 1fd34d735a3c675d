"""Masked language modelling on a task's texts, which pre-trains an adapter (AdapterDrop, §2).

Every text and second text is read, no label and no choice. The tokens to predict are drawn anew in
every epoch of training, and are the same in every measurement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adapter_lib.masking import IGNORED, mask_tokens, maskable_tokens, masked_lm_loss
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.batch import Batch, to_device
from workers.batches.batching import Indices
from workers.batches.examples import Examples
from workers.batches.feeding import Feed
from workers.batches.tokens import tokenise
from workers.contract.predictions import Predictions
from workers.contract.task_card import Metric
from workers.errors import BaseModelSourceError
from workers.objectives.base import Objective, Prediction
from workers.objectives.divergence import check_finite
from workers.tasks.rows import Rows


@dataclass(frozen=True)
class MaskedExamples(Examples):
    """Examples with what masking them needs of their tokenizer."""

    mask_id: int
    special_ids: tuple[int, ...]


class MaskedWords(Objective):
    """Scored by the share of chosen tokens that are predicted rightly, `masked_accuracy`."""

    def encode(self, tokenizer: Any, rows: Rows, *, max_length: int) -> Examples:
        if tokenizer.mask_token_id is None:
            raise BaseModelSourceError(
                "expected a tokenizer with a mask token to pre-train with, found none; take a base "
                "that was itself pre-trained on masked tokens, or leave `start_from` out"
            )
        return MaskedExamples(
            tokens=tokenise(tokenizer, rows, max_length=max_length),
            labels=np.zeros(len(rows)),
            rows=rows,
            mask_id=int(tokenizer.mask_token_id),
            special_ids=tuple(tokenizer.all_special_ids),
        )

    def loss(self, model: AdapterModel, feed: Feed, indices: Indices, *, drop_depth: int) -> Tensor:
        # The global generator is the trial's own: checkpoints hold it, as dropout needs too.
        batch, wanted = _masked(model, feed, indices, torch.default_generator)
        return masked_lm_loss(model, batch, wanted, drop_depth=drop_depth)

    def predict(
        self, model: AdapterModel, feed: Feed, indices: Indices, *, depths: Sequence[int]
    ) -> dict[int, Predictions]:
        """Return depth → (right, chosen) of each row.

        Raises:
            TrialFailedError: a score is not finite.
        """
        generator = torch.Generator().manual_seed(int(indices[0]))
        batch, wanted = _masked(model, feed, indices, generator)
        chosen = wanted != IGNORED
        predicted: dict[int, Predictions] = {}
        for depth in depths:
            h = model.hidden(batch, drop_depth=depth)[chosen]
            scores = model.head.over_vocabulary(h, model.backbone.token_embedding)
            check_finite([scores], "the model's output")
            right = torch.zeros_like(chosen)
            right[chosen] = scores.argmax(dim=-1) == wanted[chosen]
            counts = torch.stack([right.sum(dim=1), chosen.sum(dim=1)], dim=1)
            predicted[depth] = Predictions(counts.tolist())
        return predicted

    def score(self, predicted: Sequence[Any], examples: Examples) -> dict[str, float]:
        right, chosen = np.sum(np.asarray(predicted), axis=0)
        return {Metric.MASKED_ACCURACY.value: float(right / max(1, chosen))}

    def majority(self, train: Rows, evaluation: Rows) -> float:
        """Return 0: what stands for a text that is not read is not worth knowing."""
        return 0.0

    def logits_loss(self, logits: Tensor, examples: Examples, indices: Indices) -> Tensor:
        raise NotImplementedError("the loss is computed for the chosen tokens alone")

    def decode(self, logits: Tensor, examples: Examples, indices: Indices) -> Sequence[Any]:
        raise NotImplementedError("scores are computed for the chosen tokens alone")

    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        raise NotImplementedError("pre-training answers nothing")


def _masked(
    model: AdapterModel, feed: Feed, indices: Indices, generator: torch.Generator
) -> tuple[Batch, Tensor]:
    """Return the batch with masks in it, and what stood there."""
    examples, batch = feed.examples, feed.batch(indices)
    assert isinstance(examples, MaskedExamples)
    special = to_device(torch.tensor(examples.special_ids), feed.device)
    ids, wanted = mask_tokens(
        batch.input_ids,
        maskable_tokens(batch, special),
        mask_id=examples.mask_id,
        vocabulary_size=model.head.config.labels,
        generator=generator,
    )
    return replace(batch, input_ids=ids), wanted
