"""Feed a split to a model: batches, and the stored activations that each run starts from.

What is stored of the frozen part is decided in `workers.prefix`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from adapter_lib.transformer.activations import ActivationsAt, CutPoint
from adapter_lib.transformer.backbone import Batch
from workers.batches.batching import Indices, collate, sequences_of
from workers.batches.examples import Examples
from workers.batches.stored_activations import StoredActivations
from workers.contract.task_card import Split


@dataclass(frozen=True)
class Feed:
    """One split on its way into a model.

    Attributes:
        device: of the model.
        stored: what is kept of the frozen part; nothing where all of it is run for each batch.
    """

    examples: Examples
    device: torch.device
    stored: Mapping[CutPoint, StoredActivations] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.examples)

    def batch(self, indices: Indices) -> Batch:
        """Return the rows at `indices`, padded at the right."""
        return collate(self.examples.tokens, indices, self.device)

    def start(
        self, indices: Indices, cut_point: CutPoint | None, *, whole: bool = False
    ) -> ActivationsAt | None:
        """Return what is stored of a batch at `cut_point` or at the nearest below; None: nothing.

        Args:
            cut_point: where the model's frozen part ends; None where it has none.
            whole: every token is needed, also behind the attention of the highest layer.
        """
        if cut_point is None:
            return None
        usable = [
            known
            for known, stored in self.stored.items()
            if (known == cut_point or known.unsummed < cut_point.unsummed)
            and not (whole and stored.one_token)
        ]
        if not usable:
            return None
        nearest = max(usable)
        sequences = sequences_of(self.examples.tokens, indices)
        return ActivationsAt(nearest, self.stored[nearest].gather(sequences, self.device))


Feeds = Mapping[Split, Feed]


def plain_feeds(splits: Mapping[Split, Examples], device: torch.device) -> Feeds:
    """Return feeds that store nothing."""
    return {split: Feed(examples, device) for split, examples in splits.items()}
