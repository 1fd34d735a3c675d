"""Tokenised examples as a base model takes them, and how they come to its device."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter_lib.errors import BatchError

_WHOLE = (torch.int64, torch.int32)


@dataclass
class Batch:
    """Tokenised examples, padded on either side.

    What it holds is checked when it is made: shapes and types always, and on the CPU that every row
    has a token.

    Attributes:
        input_ids: (b, s), int64.
        attention_mask: (b, s), int64 or bool, 1 where a token is real. Every row has one.
        token_type_ids: (b, s), int64, or None for zeros.
        lengths: how many tokens of each row are real, its first ones, (b,), where that is known
            without asking a device; None where it is not, or rows are padded elsewhere.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor | None = None
    lengths: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        ids, mask = self.input_ids, self.attention_mask
        for name, x, kinds in (
            ("input_ids", ids, _WHOLE),
            ("attention_mask", mask, (*_WHOLE, torch.bool)),
            ("token_type_ids", self.token_type_ids, _WHOLE),
        ):
            if x is None and name == "token_type_ids":
                continue
            if not isinstance(x, Tensor) or x.dtype not in kinds:
                found = x.dtype if isinstance(x, Tensor) else type(x).__name__
                raise BatchError(f"expected {name} as a tensor of int64, found {found}")
            if x.ndim != 2 or x.shape != ids.shape or not x.numel():
                raise BatchError(
                    f"expected {name} of (rows, tokens) like input_ids, none of them 0, found "
                    f"{tuple(x.shape)} with input_ids of {tuple(ids.shape)}"
                )
        if self.lengths is not None:
            full = len(self.lengths) == len(ids) and bool(self.lengths.all())
        else:
            full = mask.device.type != "cpu" or bool(mask.any(1).all())
        if not full:
            raise BatchError(
                "expected a token in every row, found a row of padding alone: its attention_mask "
                "is 0 throughout; leave the row out"
            )

    @classmethod
    def from_encoding(cls, encoding: Mapping[str, Any]) -> "Batch":
        """Return what a tokenizer of transformers returned, called with `padding=True`.

        Args:
            encoding: `input_ids`, `attention_mask` and perhaps `token_type_ids`, tensors or lists
                of (b, s); or of (b, c, s) for c choices each, which become b·c rows. What else it
                has, such as offsets, is left out.

        Raises:
            BatchError: one of them is missing or of one text alone, or rows are not equally long.
        """
        parts: dict[str, Any] = {}
        for name in ("input_ids", "attention_mask", "token_type_ids"):
            found = encoding.get(name)
            if found is None and name != "token_type_ids":
                raise BatchError(
                    f"expected {name} in the encoding, found {', '.join(encoding) or 'nothing'}; "
                    "call the tokenizer with return_attention_mask=True"
                )
            try:
                x = found if found is None else torch.as_tensor(found)
            except (ValueError, TypeError) as error:
                raise BatchError(
                    f"expected equally long rows of numbers as {name}: {error}; call the tokenizer "
                    "with padding=True on a list of texts"
                ) from error
            if x is not None and x.ndim == 1:
                raise BatchError(
                    f"expected {name} of (rows, tokens), found one row alone; call the tokenizer "
                    "with a list of texts"
                )
            parts[name] = x.flatten(0, 1) if x is not None and x.ndim == 3 else x
        return cls(**parts)

    def check_fits(self, base: str, *, vocabulary: int, most_tokens: int | None) -> None:
        """Refuse what the base model of that name has no embedding for.

        Args:
            vocabulary: how many different tokens it knows; ids are checked on the CPU alone.
            most_tokens: for how many tokens of a row it has positions, None for any number.

        Raises:
            BatchError: says what was found, and what the base takes.
        """
        ids = self.input_ids
        if most_tokens is not None and ids.shape[1] > most_tokens:
            raise BatchError(
                f"expected at most {most_tokens} tokens in a row, for which {base} has "
                f"positions, found {ids.shape[1]}; cut rows to that, as a tokenizer does with "
                "truncation=True"
            )
        if ids.device.type != "cpu":
            return
        lowest, highest = (int(x) for x in torch.aminmax(ids))
        if lowest < 0 or highest >= vocabulary:
            wrong = lowest if lowest < 0 else highest
            raise BatchError(
                f"expected token ids 0…{vocabulary - 1} for {base}, found {wrong}; "
                "use the base's own tokenizer"
            )

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on `device`."""
        types, device = self.token_type_ids, torch.device(device)
        return replace(
            self,
            input_ids=to_device(self.input_ids, device),
            attention_mask=to_device(self.attention_mask, device),
            token_type_ids=None if types is None else to_device(types, device),
        )

    def rows(self, indices: Tensor) -> "Batch":
        """Return the examples at `indices`, (n,), int64."""
        types = self.token_type_ids
        return Batch(
            self.input_ids[indices],
            self.attention_mask[indices],
            None if types is None else types[indices],
        )

    @property
    def kept_lengths(self) -> NDArray[np.int64]:
        """How many tokens of each row have to be computed, its first ones, (b,).

        The real ones, and padding too where that is not at the right, or not known to be.
        """
        if self.lengths is not None:
            return self.lengths
        mask = self.token_mask
        whole = np.full(len(mask), mask.shape[1], np.int64)
        if mask.device.type != "cpu":
            return whole
        real = mask.numpy()
        lengths = real.sum(1)
        at_the_right = bool(((np.arange(mask.shape[1]) < lengths[:, None]) == real).all())
        return lengths if at_the_right and lengths.all() else whole

    def positions(self) -> Tensor | None:
        """Return where each token stands in its row, from the first real one on, (b, s).

        None where that is known to be the left edge.
        """
        if self.lengths is not None:
            return None
        mask = self.token_mask
        if mask.device.type == "cpu" and bool(mask[:, 0].all()):
            return None
        first = mask.long().argmax(dim=1)  # the first among equal maxima
        places = torch.arange(mask.shape[1], device=mask.device) - first[:, None]
        return places.clamp(min=0)

    @property
    def token_mask(self) -> Tensor:
        """True where a token is real, (b, s)."""
        return self.attention_mask.bool()


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on `device`; the host goes on while one of its own is copied there.

    A copy from ordinary memory to a GPU may first wait for all that the GPU was given before, also
    with `non_blocking`; one from pinned memory never does. Torch keeps that memory until then.
    """
    if device.type == "cuda" and x.device.type == "cpu":
        x = x.pin_memory()
    return x.to(device, non_blocking=True)
