"""Token classification: a label for each word, read at the word's first token.

Words that `max_length` leaves no room for are predicted as `O`, or as the first label where there
is no `O`, and count.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workers.batching import Indices
from workers.examples import Examples
from workers.metrics import score_words
from workers.objectives.base import Objective, Prediction, mean_of_given, on_device
from workers.tasks.rows import Rows
from workers.tokens import tokenise

_NO_LABEL = -100


class Tags(Objective):
    """Logits (b, s, labels); a row's labels are one per token, `_NO_LABEL` but at words' starts."""

    def encode(self, tokenizer: Any, rows: Rows, *, max_length: int) -> Examples:
        tokens = tokenise(tokenizer, rows, max_length=max_length, with_characters=True)
        labels = np.empty(len(rows), object)
        for i, (text, tags) in enumerate(zip(rows.texts, rows.labels, strict=True)):
            assert isinstance(tags, tuple)
            labels[i] = _at_first_tokens(text, tags, tokens.characters_of(i))
        return Examples(tokens, labels, rows)

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
        for row, index in enumerate(indices):
            found = classes[row][np.flatnonzero(examples.labels[index] != _NO_LABEL)]
            tags = examples.rows.labels[int(index)]
            assert isinstance(tags, tuple)
            decoded.append((*found.tolist(), *[outside] * (len(tags) - len(found))))
        return decoded

    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        """Return the words' labels; the value is the lowest of their probabilities."""
        chances = logits.softmax(dim=-1).amax(dim=-1).cpu().numpy()
        answers = []
        for row, tags in enumerate(self.decode(logits, examples, indices)):
            own = np.flatnonzero(examples.labels[indices[row]] != _NO_LABEL)
            words = " ".join(self.card.label_names[tag] for tag in tags)
            answers.append(Prediction(words, float(chances[row][own].min(initial=1.0)), {}))
        return answers

    def score(self, predicted: Sequence[Any], examples: Examples) -> dict[str, float]:
        return score_words(self.card, predicted, examples.rows.labels)

    def majority(self, train: Rows, evaluation: Rows) -> float:
        """Return the metric of giving every word train's most frequent label."""
        most = np.bincount(np.concatenate([np.asarray(tags) for tags in train.labels])).argmax()
        predicted = [(int(most),) * len(tags) for tags in evaluation.labels]  # type: ignore[arg-type]
        return score_words(self.card, predicted, evaluation.labels)[self.card.metric]


def _at_first_tokens(
    text: str, tags: tuple[int, ...], characters: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return a label per token: a word's at the first token that has its characters."""
    ends = np.cumsum([len(word) + 1 for word in text.split(" ")])  # and the space behind each
    # By a token's last character: some tokenizers count the space before a word to its token.
    word_of = np.searchsorted(ends, characters[:, 1] - 1, side="right")
    labels = np.full(len(characters), _NO_LABEL, np.int64)
    seen = -1
    for position in np.flatnonzero((characters[:, 0] >= 0) & (characters[:, 1] > characters[:, 0])):
        if word_of[position] > seen:
            seen = int(word_of[position])
            labels[position] = tags[seen]
    return labels
