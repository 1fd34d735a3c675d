"""The usual loss of each kind of head. Averages over examples, or over tokens that have a label.

Legend for shapes: b batch, s tokens, c choices, V vocabulary.
"""

import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.config.configuration import HeadKind
from adapter_lib.errors import ConfigurationError

IGNORED = -100
"""Label of a token that says nothing, as transformers' collators give it."""


def loss_of(
    kind: HeadKind | str, logits: Tensor, labels: Tensor, *, token_mask: Tensor | None = None
) -> Tensor:
    """Return a scalar: squared errors for regression, cross-entropy for all others.

    Args:
        logits: as `Head.forward` returns them.
        labels: (b,) of classes, values or choices; (b, s) for token classification and masked
            words, `IGNORED` where there is nothing to learn; (b, 2), first and last token, for
            spans.
        token_mask: (b, s), True where a token is real; spans begin and end there only.

    Raises:
        ConfigurationError: labels of another shape.
    """
    kind = HeadKind(kind)
    per_token = kind in (HeadKind.TOKEN_CLASSIFICATION, HeadKind.MASKED_LM)
    shape = (len(logits), 2) if kind is HeadKind.SPAN else logits.shape[: 2 if per_token else 1]
    if kind is HeadKind.REGRESSION and labels.shape == logits.shape:
        labels = labels[:, 0]
    if labels.shape != shape:
        raise ConfigurationError(
            f"expected labels of {tuple(shape)} for a {kind} head, found {tuple(labels.shape)}"
        )
    if kind is HeadKind.REGRESSION:
        return functional.mse_loss(logits[:, 0], labels.to(logits.dtype))
    if per_token:
        logits, labels = logits.flatten(0, 1), labels.flatten()
    elif kind is HeadKind.SPAN:  # (b, s, 2) to (b, 2, s), a distribution over tokens each
        logits = logits.transpose(1, 2)
        if token_mask is not None:
            logits = logits.masked_fill(~token_mask[:, None], -torch.inf)
        logits, labels = logits.flatten(0, 1), labels.flatten()
    return functional.cross_entropy(logits, labels, ignore_index=IGNORED)
