"""Extractive question answering: where in the context the answer starts and ends.

Trained and decoded as Devlin et al. 2019 (BERT), §4.2; scored as SQuAD 1.1 (Rajpurkar et al. 2016,
§6.1). A context that is longer than `max_length` leaves room for loses its end; a row whose answer
is lost with it adds nothing to the loss.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workers.batches.batching import Indices
from workers.batches.examples import Examples
from workers.batches.tokens import Tokens, tokenise
from workers.contract.results import Reading
from workers.objectives.base import Objective, Prediction, mean_of_given, on_device
from workers.tasks.rows import Answer, Rows

LONGEST_ANSWER = 30
"""Tokens of an answer at most, as in the published evaluation scripts."""
_CUT_OFF = -100


class Spans(Objective):
    """Logits (b, s, 2); labels (rows, 2) are the first and last token of the first answer."""

    def encode(self, tokenizer: Any, rows: Rows, *, max_length: int) -> Examples:
        tokens = tokenise(tokenizer, rows, max_length=max_length, with_characters=True)
        answers = rows.answers or ((),) * len(rows)  # none where there is only to predict
        labels = [
            _token_span(tokens.characters_of(i), found[0], cut=bool(tokens.cut[i]))
            if found
            else (_CUT_OFF, _CUT_OFF)
            for i, found in enumerate(answers)
        ]
        return Examples(tokens, np.asarray(labels, np.int64).reshape(-1, 2), rows)

    def reading(self, examples: Examples) -> Reading:
        lost = int((examples.labels[:, 0] == _CUT_OFF).sum())
        return super().reading(examples).model_copy(update={"lost_answers": lost})

    def logits_loss(self, logits: Tensor, examples: Examples, indices: Indices) -> Tensor:
        wanted = on_device(examples.labels[indices], logits)
        real = on_device(_real_tokens(examples.tokens, indices), logits, torch.bool)
        logits = logits.masked_fill(~real[:, :, None], torch.finfo(logits.dtype).min)
        losses = functional.cross_entropy(
            logits, wanted, ignore_index=_CUT_OFF, reduction="none"
        )  # (b, 2): over the tokens, for start and end
        return mean_of_given(losses, wanted, _CUT_OFF)

    def decode(self, logits: Tensor, examples: Examples, indices: Indices) -> Sequence[Any]:
        return [text for text, _ in self._best(logits, examples, indices)]

    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        return [Prediction(text, p, {}) for text, p in self._best(logits, examples, indices)]

    def majority(self, train: Rows, evaluation: Rows) -> float:
        """Return 0: an answer that reads nothing is no part of the context."""
        return 0.0

    def _best(
        self, logits: Tensor, examples: Examples, indices: Indices
    ) -> list[tuple[str, float]]:
        """Return each row's likeliest answer and its probability among all allowed ones."""
        tokens, contexts = examples.tokens, examples.rows.pairs
        assert contexts is not None
        inside = on_device(_context_tokens(tokens, indices), logits, torch.bool)
        size = logits.shape[1]
        band = torch.ones(size, size, dtype=torch.bool, device=logits.device)
        band = band.triu().tril(LONGEST_ANSWER - 1)
        allowed = band & inside[:, :, None] & inside[:, None, :]
        scores = logits[:, :, 0, None] + logits[:, None, :, 1]  # (b, start, end)
        scores = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min).flatten(1)
        chances, places = scores.softmax(dim=-1).max(dim=-1)
        best = []
        for index, place, chance in zip(indices, places.tolist(), chances.tolist(), strict=True):
            characters = tokens.characters_of(int(index))
            if not (characters[:, 0] >= 0).any():  # the question left no room for the context
                best.append(("", 0.0))
                continue
            start, end = characters[place // size, 0], characters[place % size, 1]
            best.append((contexts[int(index)][start:end].strip(), chance))
        return best


def _token_span(characters: NDArray[np.int32], answer: Answer, *, cut: bool) -> tuple[int, int]:
    """Return the first and last token that overlap the answer, if all of it is left.

    Args:
        cut: the sequence lost tokens; otherwise what no token has was dropped by the tokenizer.
    """
    start, end = answer.start, answer.start + len(answer.text.rstrip())
    covered = np.flatnonzero((characters[:, 0] < end) & (characters[:, 1] > start))
    if not len(covered):
        return _CUT_OFF, _CUT_OFF
    left = characters[:, 1].max() >= end  # something behind it, or its end, is still there
    if cut and not left:
        return _CUT_OFF, _CUT_OFF
    return int(covered[0]), int(covered[-1])


def _real_tokens(tokens: Tokens, indices: Indices) -> NDArray[np.bool_]:
    lengths = tokens.lengths[indices]
    real: NDArray[np.bool_] = np.arange(lengths.max()) < lengths[:, None]
    return real


def _context_tokens(tokens: Tokens, indices: Indices) -> NDArray[np.bool_]:
    inside = np.zeros_like(_real_tokens(tokens, indices))
    for row, index in enumerate(indices):
        characters = tokens.characters_of(int(index))
        inside[row, : len(characters)] = characters[:, 0] >= 0
    return inside
