"""The stored activations of a split at one cut point, and gathering those of a batch.

Legend for shapes: p parts of the activations (1 or 2), b rows of a batch, s tokens, d hidden.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter_lib.transformer.activations import Activations
from adapter_lib.transformer.batch import to_device
from workers.batches.batching import Indices, places


@dataclass(frozen=True, eq=False)
class StoredActivations:
    """The activations of a run at one cut point, for every sequence of a split, without padding.

    Attributes:
        values: (p, tokens, d); sequence i is at `offsets[i]` to `offsets[i + 1]`.
        one_token: only the token of each sequence that the head reads is there.
    """

    values: Tensor
    offsets: NDArray[np.int64]
    one_token: bool

    def gather(self, sequences: Indices, device: torch.device) -> Activations:
        """Return those of a batch, (b, s, d), padded at the right with anything finite."""
        where, _ = places(self.offsets, sequences)
        index = to_device(torch.from_numpy(where.ravel()), self.values.device)
        found = to_device(self.values.index_select(1, index), device).float()
        return Activations.of(tuple(found.view(len(found), *where.shape, -1).unbind()))
