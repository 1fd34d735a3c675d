"""Multiple choice: each choice is read with the question, and the highest score wins."""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from workers.batches.batching import Indices
from workers.batches.examples import Examples
from workers.batches.tokens import Tokens, tokenise
from workers.contract.results import Reading
from workers.objectives.base import Prediction
from workers.objectives.sentences import Classes
from workers.tasks.rows import Rows


class Choices(Classes):
    """Logits (b, choices); labels are numbers of choices; a row is as many sequences."""

    def encode(self, tokenizer: Any, rows: Rows, *, max_length: int) -> Examples:
        """Tokenise every choice as the second text; a row's own second text stands before it."""
        assert rows.choices is not None
        assert self.card.choices is not None
        before = [""] * len(rows) if rows.pairs is None else [f"{text} " for text in rows.pairs]
        flat = Rows(
            texts=tuple(text for text in rows.texts for _ in range(self.card.choices)),
            pairs=tuple(
                start + choice
                for start, choices in zip(before, rows.choices, strict=True)
                for choice in choices
            ),
            labels=(0,) * (len(rows) * self.card.choices),
        )
        tokens = tokenise(tokenizer, flat, max_length=max_length)
        tokens = replace(tokens, per_row=self.card.choices)
        return Examples(tokens, np.asarray(rows.labels), rows)

    def reading(self, examples: Examples) -> Reading:
        assert examples.rows.choices is not None
        rows = enumerate(examples.rows.choices)
        same = sum(_read_the_same(examples.tokens, row, choices) for row, choices in rows)
        return super().reading(examples).model_copy(update={"same_choices": same})

    def answer(self, logits: Tensor, examples: Examples, indices: Indices) -> list[Prediction]:
        assert examples.rows.choices is not None
        answers = []
        for index, row in zip(indices, logits.softmax(dim=-1).tolist(), strict=True):
            choices = examples.rows.choices[int(index)]
            named = dict.fromkeys(choices, 0.0)
            for choice, chance in zip(choices, row, strict=True):
                named[choice] += chance  # of a choice that stands twice, both
            best = max(range(len(row)), key=row.__getitem__)
            answers.append(Prediction(choices[best], row[best], named))
        return answers


def _read_the_same(tokens: Tokens, row: int, choices: tuple[str, ...]) -> bool:
    """Tell whether two different choices of a row are the same sequence to the base model."""
    first = row * tokens.per_row
    bounds = zip(tokens.offsets[first:], tokens.offsets[first + 1 :], strict=False)
    read = {(tokens.ids[a:b].tobytes()) for _, (a, b) in zip(choices, bounds, strict=False)}
    return len(read) < len(set(choices))
