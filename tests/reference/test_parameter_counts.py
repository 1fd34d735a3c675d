"""Parameter counts are those of the AdapterDrop paper and of AdapterHub."""

import pytest

from adapter_lib.config.arrangement import Arrangement, NormAfter
from adapter_lib.config.configuration import (
    AdapterConfig,
    Placement,
    Sharing,
    bottleneck_from_reduction,
)
from adapter_lib.modules.bottleneck import Adapter

OWN_NORMS = Arrangement(norm_before=True, norm_after=NormAfter.BOTTLENECK)
LAYERS, HIDDEN = 12, 768  # RoBERTa-base


def counts(config: AdapterConfig) -> tuple[int, int]:
    """All numbers, and those of weight matrices alone."""
    adapter = Adapter(config, layers=LAYERS, hidden_size=HIDDEN)
    matrices = sum(p.numel() for p in adapter.parameters() if p.dim() == 2)
    everything = sum(p.numel() for p in adapter.parameters())
    assert everything == config.parameter_count(layers=LAYERS, hidden_size=HIDDEN)
    return everything, matrices


@pytest.mark.parametrize(
    ("reduction_factor", "sharing", "expected"),
    [
        (16, Sharing.NONE, 884_736),
        (4 / 3, Sharing.ALL_LAYERS, 884_736),
        (4, Sharing.ALL_LAYERS, 294_912),
        (16, Sharing.ALL_LAYERS, 73_728),
    ],
)
def test_weights_as_in_the_papers_table_on_sharing(
    reduction_factor: float, sharing: Sharing, expected: int
) -> None:
    size = bottleneck_from_reduction(HIDDEN, reduction_factor)
    assert counts(AdapterConfig(size, sharing=sharing))[1] == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (AdapterConfig(48), 894_528),
        (AdapterConfig(48, placement=Placement.HOULSBY), 1_789_056),
        (AdapterConfig(64, placement=Placement.HOULSBY), 2_379_264),
        (AdapterConfig(48, drop_depth=5), 7 * 74_544),
        (AdapterConfig(48, sharing=Sharing.ALL_LAYERS, drop_depth=5), 74_544),
        (AdapterConfig(48, sharing=Sharing.GROUPS, group_layers=4), 3 * 74_544),
        (AdapterConfig(48, sharing=Sharing.GROUPS, group_layers=4, drop_depth=5), 2 * 74_544),
        (AdapterConfig(384, placement=Placement.PARALLEL), 7_091_712),
        (AdapterConfig(1, layer_sizes=(48,) * 6 + (96,) * 6), 6 * 74_544 + 6 * 148_320),
        (AdapterConfig(64, placement=Placement.HOULSBY, trained_norm=True), 2_379_264 + 36_864),
        (AdapterConfig(48, arrangement=OWN_NORMS), 894_528 + 36_864),
        (AdapterConfig(48, arrangement=OWN_NORMS, sharing=Sharing.ALL_LAYERS), 74_544 + 3_072),
    ],
)
def test_with_biases_as_adapterhub_counts(config: AdapterConfig, expected: int) -> None:
    assert counts(config)[0] == expected


def test_the_rate_printed_as_1_33_is_four_thirds() -> None:
    assert bottleneck_from_reduction(HIDDEN, 4 / 3) == 576
    assert bottleneck_from_reduction(HIDDEN, 1.33) == 577
