"""Token classification: a label for each word, read at the word's first token.

Words that no token is read for, because `max_length` leaves no room for them or the tokenizer drops
them (a zero-width space, a variation selector), are predicted as `O`, or as the first label where
there is no `O`, and count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workers.batches.batching import Indices
from workers.batches.examples import Examples
from workers.batches.tokens import tokenise
from workers.contract.results import Reading
from workers.objectives.base import Objective, Prediction, mean_of_given, on_device
from workers.tasks.metrics import score_words
from workers.tasks.rows import Rows

_NO_LABEL = -100


@dataclass(frozen=True)
class WordExamples(Examples):
    """Examples with what is read for each word.

    Attributes:
        first_tokens: of each row, (words,) int64, where each word's first token stands in the
            row's sequence; -1 for a word without one.
    """

    first_tokens: NDArray[Any]


class Tags(Objective):
    """Logits (b, s, labels); a row's labels are one per token, `_NO_LABEL` but at words' starts."""

    def encode(self, tokenizer: Any, rows: Rows, *, max_length: int) -> Examples:
        tokens = tokenise(tokenizer, rows, max_length=max_length, with_characters=True)
        labels, first_tokens = np.empty(len(rows), object), np.empty(len(rows), object)
        for i, (text, tags) in enumerate(zip(rows.texts, rows.labels, strict=True)):
            first = _first_tokens(text, tokens.characters_of(i))
            labels[i] = np.full(len(tokens.characters_of(i)), _NO_LABEL, np.int64)
            labels[i][first[first >= 0]] = np.asarray(tags, np.int64)[first >= 0]
            first_tokens[i] = first
        return WordExamples(tokens, labels, rows, first_tokens)

    def reading(self, examples: Examples) -> Reading:
        words = np.concatenate(_words_of(examples).first_tokens)
        counted = {"words": len(words), "unread_words": int((words < 0).sum())}
        return super().reading(examples).model_copy(update=counted)

    def logits_loss(self, logits: Tensor, examples: Examples, indices: Indices) -> Tensor:
        padded = np.full(logits.shape[:2], _NO_LABEL, np.int64)
        for row, labels in enumerate(examples.labels[indices]):
            padded[row, : len(labels)] = labels
        wanted = on_device(padded, logits)
        losses = functional.cross_entropy(
            logits.transpose(1, 2), wanted, ignore_index=_NO_LABEL, reduction="none"
        )
        return mean_of_given(losses, wanted, _NO_LABEL)

    def decode(self, logits: Tensor, examples: Examples, indices: Indices) -> Sequence[Any]:
        names = self.card.label_names
        outside = names.index("O") if "O" in names else 0
        classes = logits.argmax(dim=-1).cpu().numpy()
        decoded = []
        for row, first in enumerate(_words_of(examples).first_tokens[indices]):
            tags = np.where(first >= 0, classes[row][first], outside)
            decoded.append(tuple(tags.tolist()))
        return decoded

    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        """Return the words' labels; the value is the lowest of their probabilities."""
        chances = logits.softmax(dim=-1).amax(dim=-1).cpu().numpy()
        answers = []
        for row, tags in enumerate(self.decode(logits, examples, indices)):
            first = _words_of(examples).first_tokens[indices[row]]
            own = first[first >= 0]
            labels = tuple(self.card.label_names[tag] for tag in tags)
            least = float(chances[row][own].min(initial=1.0))
            answers.append(Prediction(" ".join(labels), least, {}, labels))
        return answers

    def majority(self, train: Rows, evaluation: Rows) -> float:
        """Return the metric of giving every word train's most frequent label."""
        most = np.bincount(np.concatenate([np.asarray(tags) for tags in train.labels])).argmax()
        predicted = [(int(most),) * len(tags) for tags in evaluation.labels]  # type: ignore[arg-type]
        return score_words(self.card, predicted, evaluation.labels)[self.card.metric]


def _words_of(examples: Examples) -> WordExamples:
    assert isinstance(examples, WordExamples)
    return examples


def _first_tokens(text: str, characters: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return for each word of a text the first token that has its characters, or -1; (words,)."""
    words = text.split(" ")
    ends = np.cumsum([len(word) + 1 for word in words])  # and the space behind each
    # By a token's last character: some tokenizers count the space before a word to its token.
    word_of = np.searchsorted(ends, characters[:, 1] - 1, side="right")
    first = np.full(len(words), -1, np.int64)
    own = np.flatnonzero((characters[:, 0] >= 0) & (characters[:, 1] > characters[:, 0]))
    for position in own[::-1]:  # so that the first of a word stays
        first[word_of[position]] = position
    return first
