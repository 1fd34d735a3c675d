"""Several models over one frozen base in one pass: prunings of a fusion, seeds of a trial.

What they share, the base up to the lowest adapter's input, is run once for a batch. Legend for
shapes: b batch, s tokens, d hidden, L layers.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from adapter_lib.errors import ConfigurationError
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.activations import ActivationsAt, CutPoint
from adapter_lib.transformer.backbone import Batch


def at_depths_of(
    models: Sequence[AdapterModel],
    batch: Batch,
    depths: Sequence[int],
    *,
    start_at: Callable[[CutPoint], ActivationsAt | None] | None = None,
) -> list[dict[int, Tensor]]:
    """Return `AdapterModel.at_depths` of each model, for less than their sum.

    What one model yields does not depend on the others. Call it in evaluation mode.

    Args:
        start_at: as for `AdapterModel.at_depths`.

    Raises:
        ConfigurationError: there is no model, they have not the same frozen base, their heads read
            different tokens, or a depth is out of range.
    """
    if not models or any(model.backbone is not models[0].backbone for model in models):
        raise ConfigurationError(
            f"expected models over one base in memory, found {len(models)} over "
            f"{len({id(model.backbone) for model in models})}; build them with the same Backbone"
        )
    reads = {(model.all_tokens_in_top_layer, model.head.config.kind) for model in models}
    if len(reads) > 1:
        raise ConfigurationError(
            "expected heads of one kind, all with or all without all_tokens_in_top_layer, found "
            f"{sorted(reads)}"
        )
    backbone = models[0].backbone
    if len(models) > 1 and not backbone.frozen:
        raise ConfigurationError(
            f"expected a frozen base, found that {backbone.identity.name} is trained"
        )
    cut_points = {cut_point for model in models for cut_point in model.entries(depths).values()}
    starts = models[0].starts(batch, cut_points, start_at=start_at)
    return [model.at_depths(batch, depths, start_at=starts.get) for model in models]
