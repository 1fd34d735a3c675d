"""Translate AdapterHub's bottleneck configuration (`BnConfig`) from and to `AdapterConfig`."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapter_lib.config.arrangement import Arrangement, NormAfter, Reading, Residual
from adapter_lib.config.configuration import (
    AdapterConfig,
    Initialisation,
    NonLinearity,
    Placement,
    bottleneck_from_reduction,
)
from adapter_lib.errors import ConfigurationError, UnsupportedSettingError
from adapter_lib.storage.adapterhub.hub_settings import Settings, refused_in
from adapter_lib.storage.adapterhub.places import Places

_RESIDUALS: dict[Any, Residual] = {
    True: Residual.PROJECTION,
    "post_add": Residual.SUM,
    False: Residual.NORMED,
}
_ALWAYS: dict[str, Any] = {
    "cross_adapter": False,
    "init_weights_seed": None,
    "inv_adapter": None,
    "output_adapter": True,
    "phm_layer": False,
    "stochastic_depth": 0.0,
    "use_gating": False,
}
# Without effect next to phm_layer=False and inv_adapter=None; written with their defaults.
_WITHOUT_EFFECT: dict[str, Any] = {
    "factorized_phm_W": True,
    "factorized_phm_rule": False,
    "hypercomplex_nonlinearity": "glorot-uniform",
    "inv_adapter_reduction_factor": None,
    "learn_phm": True,
    "phm_bias": True,
    "phm_c_init": "normal",
    "phm_dim": 4,
    "phm_init_range": 0.0001,
    "phm_rank": 1,
    "shared_W_phm": False,
    "shared_phm_rule": True,
}
_NON_LINEARITIES = {value.value: value for value in NonLinearity} | {"silu": NonLinearity.SWISH}
_OLD_NON_LINEARITIES = {"gelu": NonLinearity.GELU_NEW, "gelu_orig": NonLinearity.GELU}
_INITIALISATIONS = {
    "bert": Initialisation.BERT,
    "houlsby": Initialisation.HOULSBY,
    "mam_adapter": Initialisation.MAM,
}


def read_adapter_config(
    content: Mapping[str, Any], *, where: str, places: Places, hidden_size: int
) -> AdapterConfig:
    """Return what `adapter_config.json` describes over a base with these places for adapters.

    Raises:
        UnsupportedSettingError: a setting cannot be represented; the message names it.
        AdapterFileError: a setting is missing.
    """
    settings = Settings(content["config"], where)
    settings.expect("architecture", None)
    placement, reads = _take_place(settings)
    arrangement = _take_arrangement(settings, reads)
    _take_unused_invertible(settings, content)
    for name, wanted in _ALWAYS.items():
        settings.expect(name, wanted)
    settings.skip(_WITHOUT_EFFECT)
    old = {} if "version" in content else _OLD_NON_LINEARITIES
    left_out = _take_left_out(settings, places.count)
    sizes = _take_sizes(settings, layers=places.count, hidden_size=hidden_size)
    used = [size for place, size in enumerate(sizes) if place not in left_out]
    with refused_in(where):
        config = AdapterConfig(
            used[-1],
            placement=placement,
            non_linearity=settings.choose("non_linearity", _NON_LINEARITIES | old),
            initialisation=settings.choose("init_weights", _INITIALISATIONS, "bert"),
            scaling=settings.number("scaling", 1.0),
            dropout=settings.number("dropout", 0.0),
            layer_sizes=sizes if len(set(used)) > 1 else (),
            arrangement=replace(arrangement, reads=None if reads is placement.reads else reads),
            leave_out=left_out,
        )
    settings.finish()
    return places.over_layers(config, where)


def write_adapter_config(
    config: AdapterConfig, *, places: Places, hidden_size: int
) -> dict[str, Any]:
    """Return all fields of AdapterHub's `BnConfig`.

    Raises:
        UnsupportedSettingError: AdapterHub has no trained norms, and shares parameters across
            layers as the base does only.
    """
    config = places.over_places(config)
    if config.trained_norm:
        raise UnsupportedSettingError(
            "AdapterHub cannot represent trained_norm=True; its adapters leave the base's norms "
            "as they are"
        )
    factors = {
        str(place): _reduction_factor(hidden_size, config.size(place))
        for place in range(places.count)
    }
    hub_initialisation = {ours: theirs for theirs, ours in _INITIALISATIONS.items()}
    return {
        **_arrangement_settings(config.arrangement, config.reads),
        **_ALWAYS,
        **_WITHOUT_EFFECT,
        "dropout": config.dropout,
        "init_weights": hub_initialisation[config.initialisation],
        "leave_out": [*range(config.drop_depth), *config.leave_out],
        "mh_adapter": config.placement is Placement.HOULSBY,
        "non_linearity": config.non_linearity.value,
        "reduction_factor": factors if config.layer_sizes else factors["0"],
        "scaling": config.scaling,
    }


def _take_place(settings: Settings) -> tuple[Placement, Reading]:
    parallel = settings.flag("is_parallel", default=False)
    both_blocks = settings.flag("mh_adapter")
    normed = settings.flag("original_ln_before", default=False)
    reads = Reading.NORMED if normed else Reading.PROJECTION
    if parallel:
        reads = Reading.RESIDUAL  # original_ln_before has no effect
    if both_blocks:
        return Placement.HOULSBY, reads
    return Placement.PARALLEL if parallel else Placement.PFEIFFER, reads


def _take_arrangement(settings: Settings, reads: Reading) -> Arrangement:
    """Return residuals and norms; settings without effect next to others come back as defaults."""
    residual = settings.choose("residual_before_ln", _RESIDUALS, True)
    if reads is Reading.PROJECTION and residual is Residual.SUM:
        settings.refuse("residual_before_ln", "post_add", "it next to original_ln_before=True")
    norm_after = NormAfter.NONE
    residual_first = settings.flag("adapter_residual_before_ln", default=False)
    if settings.flag("ln_after", default=False):
        output = residual_first and reads is not Reading.RESIDUAL
        norm_after = NormAfter.OUTPUT if output else NormAfter.BOTTLENECK
    return Arrangement(
        residual=residual if reads is Reading.NORMED else Residual.PROJECTION,
        norm_before=settings.flag("ln_before", default=False),
        norm_after=norm_after,
        base_norm_after=settings.flag("original_ln_after", default=True),
    )


def _arrangement_settings(arrangement: Arrangement, reads: Reading) -> dict[str, Any]:
    hub_residual = {ours: theirs for theirs, ours in _RESIDUALS.items()}
    return {
        "adapter_residual_before_ln": arrangement.norm_after is NormAfter.OUTPUT,
        "is_parallel": reads is Reading.RESIDUAL,
        "ln_after": arrangement.norm_after is not NormAfter.NONE,
        "ln_before": arrangement.norm_before,
        "original_ln_after": arrangement.base_norm_after,
        "original_ln_before": reads is Reading.NORMED,
        "residual_before_ln": hub_residual[arrangement.residual],
    }


def _take_unused_invertible(settings: Settings, content: Mapping[str, Any]) -> None:
    """Old task adapters name an invertible adapter that they neither use nor store."""
    if "version" not in content and content.get("type") == "text_task":
        settings.skip(["invertible_adapter", "inv_adapter"])
    settings.expect("invertible_adapter", None)


def _take_left_out(settings: Settings, layers: int) -> tuple[int, ...]:
    left_out = settings.take("leave_out", default=None)
    left_out = [] if left_out is None else left_out
    known = isinstance(left_out, list) and all(type(layer) is int for layer in left_out)
    if not known or not set(left_out) < set(range(layers)):
        settings.refuse("leave_out", left_out, f"some of the layers 0…{layers - 1}, not all,")
    return tuple(left_out)


def _take_sizes(settings: Settings, *, layers: int, hidden_size: int) -> tuple[int, ...]:
    """Return r of every layer; 1 for a left-out one that nothing is said about."""
    factor = settings.take("reduction_factor")
    by_layer: Mapping[str, Any] = factor if isinstance(factor, Mapping) else {"default": factor}
    default = by_layer.get("default", hidden_size)
    factors = [by_layer.get(str(layer), default) for layer in range(layers)]
    try:
        return tuple(bottleneck_from_reduction(hidden_size, value) for value in factors)
    except ConfigurationError:
        settings.refuse("reduction_factor", factor, "positive numbers")


def _reduction_factor(hidden_size: int, size: int) -> float:
    """Return the factor that AdapterHub turns into `size`, as a whole number where it is one."""
    if hidden_size % size == 0:
        return hidden_size // size
    factor = hidden_size / size
    while int(hidden_size // factor) < size:  # rounding
        factor = math.nextafter(factor, 0.0)
    return factor
