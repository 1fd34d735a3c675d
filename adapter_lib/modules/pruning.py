"""Choose which sources a fusion keeps in each layer (Rücklé et al. 2021, §5.2)."""

from collections.abc import Mapping

from adapter_lib.errors import ConfigurationError


def most_attended(statistics: Mapping[int, Mapping[str, float]], keep: int) -> dict[int, list[str]]:
    """Return for each layer the `keep` sources of highest mean fusion weight, highest first.

    Equal means rank in the order of the sources; where there are fewer than `keep`, all stay.

    Args:
        statistics: what `Fusion.attention_statistics` returned over the training set.

    Raises:
        ConfigurationError: `keep` is below 1.
    """
    if keep < 1:
        raise ConfigurationError(f"keep must be at least 1, found {keep}")
    # sorted is stable, so ties stay in source order
    return {
        layer: sorted(means, key=lambda name: -means[name])[:keep]
        for layer, means in statistics.items()
    }
