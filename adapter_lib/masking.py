"""BERT's masking of tokens, for pre-training adapters on text alone.

Legend for shapes: b batch, s tokens, m masked tokens.
"""

import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.config.configuration import HeadKind
from adapter_lib.errors import ConfigurationError
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.batch import Batch, to_device

IGNORED = -100
"""The target of a token that is not predicted; what torch's cross-entropy leaves out."""
_MASKED, _RANDOM = 0.8, 0.1  # the rest stays as it is


def maskable_tokens(batch: Batch, special_ids: Tensor) -> Tensor:
    """Return where tokens may be masked, (b, s): those that are real and not special.

    Args:
        special_ids: of every special token, such as a tokenizer's `all_special_ids`.
    """
    return batch.token_mask & ~torch.isin(batch.input_ids, special_ids)


def mask_tokens(
    input_ids: Tensor,
    maskable: Tensor,
    *,
    mask_id: int,
    vocabulary_size: int,
    generator: torch.Generator,
    fraction: float = 0.15,
) -> tuple[Tensor, Tensor]:
    """Return masked copies of the token ids, and what they were, both (b, s) and int64.

    Each maskable token is chosen with probability `fraction`, as in RoBERTa anew in every epoch. Of
    the chosen, 80 % become the mask, 10 % any token, and 10 % stay (Devlin et al. 2019, §3.1). The
    targets of all others are `IGNORED`.

    Args:
        maskable: (b, s), True where a token may be chosen.
        generator: of the CPU, where everything is drawn, so that all devices mask alike.

    Raises:
        ConfigurationError: `fraction` is not above 0 and at most 1, or `mask_id` is no token.
    """
    if not 0 < fraction <= 1 or not 0 <= mask_id < vocabulary_size:
        raise ConfigurationError(
            f"expected a fraction in (0, 1] and a mask among {vocabulary_size} tokens, found "
            f"{fraction} and {mask_id}"
        )
    device = input_ids.device
    draws = to_device(torch.rand(2, *input_ids.shape, generator=generator), device)
    tokens = torch.randint(vocabulary_size, input_ids.shape, generator=generator)
    tokens = to_device(tokens, device)
    chosen = maskable & (draws[0] < fraction)
    replaced = torch.where(draws[1] < _MASKED, torch.full_like(tokens, mask_id), tokens)
    changed = chosen & (draws[1] < _MASKED + _RANDOM)
    return torch.where(changed, replaced, input_ids), input_ids.masked_fill(~chosen, IGNORED)


def masked_lm_loss(
    model: AdapterModel, batch: Batch, targets: Tensor, *, drop_depth: int = 0
) -> Tensor:
    """Return the mean cross-entropy over the chosen tokens, a scalar; 0 if there are none.

    Scores over the vocabulary are computed for those tokens only, (m, V) instead of (b, s, V).

    Args:
        batch: with masked token ids.
        targets: (b, s), as `mask_tokens` returns them.

    Raises:
        ConfigurationError: the model's head is not for masked language modelling, or `drop_depth`
            is out of range.
    """
    if model.head.config.kind is not HeadKind.MASKED_LM:
        raise ConfigurationError(
            f"expected a model with a masked_lm head, found a {model.head.config.kind} one; build "
            "the head with HeadKind.MASKED_LM"
        )
    chosen = targets != IGNORED
    h = model.hidden(batch, drop_depth=drop_depth)
    scores = model.head.over_vocabulary(h[chosen], model.backbone.token_embedding)
    total = functional.cross_entropy(scores, targets[chosen], reduction="sum")
    return total / chosen.sum().clamp(min=1)
