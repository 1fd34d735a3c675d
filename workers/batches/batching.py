"""Batches of tokenised examples, padded to their own longest example and no further.

What is trained or measured with a batch is left to `workers.training`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from adapter_lib.transformer.backbone import Batch
from adapter_lib.transformer.batch import to_device
from workers.batches.tokens import Tokens
from workers.contract.trial import Batching

Indices = NDArray[np.int64]

_WINDOW_BATCHES = 16
"""Examples are sorted by length among so many batches: more means less padding, and batches that
are less random."""

_CPU_TOKENS = 1024
"""Of a batch without gradients. With hidden states of 384, batches of 512 to 2,048 measured within
6 % of each other, and 256 rows of up to 30 tokens at least a sixth slower than 64."""
_ACCELERATOR_TOKENS = 8192


def training_batches(
    tokens: Tokens,
    labels: Sequence[Any] | NDArray[Any],
    *,
    batch_size: int,
    batching: Batching,
    generator: torch.Generator,
) -> list[Indices]:
    """Draw one epoch: every example once, in ⌈rows / batch_size⌉ batches.

    The examples are shuffled and cut into batches. By length, they are sorted by it within windows
    of a few batches before, and the batches are shuffled. All of it comes from `generator`, so its
    state says what follows.

    Args:
        labels: one per example.

    Returns:
        The example numbers of each batch.
    """
    if len(labels) != len(tokens):
        raise ValueError(f"expected one label per example, found {len(labels)} for {len(tokens)}")
    order = torch.randperm(len(tokens), generator=generator).numpy()
    if batching is Batching.RANDOM:
        return _cut(order, batch_size)
    lengths = tokens.lengths
    batches: list[Indices] = []
    for start in range(0, len(order), batch_size * _WINDOW_BATCHES):
        window = order[start : start + batch_size * _WINDOW_BATCHES]
        window = window[np.argsort(lengths[window], kind="stable")]
        batches += _cut(window, batch_size)
    shuffled = torch.randperm(len(batches), generator=generator)
    return [batches[i] for i in shuffled.tolist()]


def evaluation_batches(tokens: Tokens, device: torch.device) -> list[Indices]:
    """Return every example once, longest first, so that memory runs out at once or not at all.

    A batch is as many examples as give `device` enough tokens to be busy with.
    """
    most = _CPU_TOKENS if device.type == "cpu" else _ACCELERATOR_TOKENS
    order = np.argsort(-tokens.lengths, kind="stable")
    batches, first = [], 0
    while first < len(order):
        longest = max(1, int(tokens.lengths[order[first]]) * tokens.per_row)
        step = max(1, most // longest)
        batches.append(order[first : first + step])
        first += step
    return batches


def _cut(order: Indices, batch_size: int) -> list[Indices]:
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def sequences_of(tokens: Tokens, indices: Indices) -> Indices:
    """Return the numbers of the sequences that make up the rows at `indices`."""
    if tokens.per_row == 1:
        return indices
    return (indices[:, None] * tokens.per_row + np.arange(tokens.per_row)).ravel()


def places(
    offsets: NDArray[np.int64], sequences: Indices
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where the tokens of a batch stand in a flat array, and which are real, (b, s) each.

    Behind a sequence's end stands the place of some other token.
    """
    starts = offsets[sequences]
    lengths = offsets[sequences + 1] - starts
    position = np.arange(lengths.max())
    where = np.minimum(starts[:, None] + position, offsets[-1] - 1)
    return where, position < lengths[:, None]


def collate(tokens: Tokens, indices: Indices, device: torch.device | str) -> Batch:
    """Return the rows at `indices` as one batch, (b, s), padded at the right.

    A row of several sequences takes as many places, one after another.
    """
    sequences = sequences_of(tokens, indices)
    source, real = places(tokens.offsets, sequences)
    parts = [np.where(real, tokens.ids[source], tokens.pad_id), real]
    if tokens.types is not None:
        parts.append(np.where(real, tokens.types[source], 0))
    together = torch.from_numpy(np.stack(parts).astype(np.int64))  # one copy to the device
    ids, mask, *types = to_device(together, torch.device(device)).unbind()
    lengths = tokens.offsets[sequences + 1] - tokens.offsets[sequences]
    return Batch(ids, mask, types[0] if types else None, lengths)


def padding_share(tokens: Tokens, batches: Sequence[Indices]) -> float:
    """Return the share of a set of batches' positions that are padding, 0…1."""
    lengths = tokens.lengths
    positions = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1.0 - sum(int(lengths[batch].sum()) for batch in batches) / positions
