"""Take a finished adapter's bottlenecks out of some layers, without training again.

Houlsby et al. (2019, figure 6) remove those of each span of layers; layers drawn at random say what
the order in which AdapterDrop leaves them out is worth.
"""

import torch

from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from workers.contract.trial import Trial
from workers.training.seeds import generator_for


def removed_layers(trial: Trial) -> list[int]:
    """Return the layers whose adapters a trial removes, ascending; those without have none to lose.

    Of the layers drawn at random, which all have one, fewer are always among more.
    """
    removal, adapter = trial.removal, trial.adapter
    assert removal is not None
    assert adapter is not None
    adapted = adapter.layers_of(trial.base.layers)
    if removal.at_random is None:
        assert removal.first is not None
        assert removal.last is not None
        return [layer for layer in adapted if removal.first <= layer <= removal.last]
    generator = generator_for(trial.seed, "removal")
    order = torch.randperm(len(adapted), generator=generator).tolist()
    return sorted(adapted[i] for i in order[: removal.at_random])


def without(model: AdapterModel, layers: list[int]) -> AdapterModel:
    """Return a finished model whose adapter has left these layers; with none left, head alone."""
    adapter = model.adapter
    assert isinstance(adapter, Adapter)
    kept = [layer for layer in adapter.kept_layers if layer not in layers]
    left = adapter.restricted_to(kept) if kept else None
    return AdapterModel(model.backbone, model.head, left, labels=model.labels)
