"""Translate AdapterHub's `AdapterFusionConfig` from and to `FusionConfig`."""

from collections.abc import Mapping
from typing import Any

from adapter_lib.config.configuration import FusionConfig
from adapter_lib.errors import UnsupportedSettingError
from adapter_lib.storage.adapterhub.base_dropout import fusion_dropout
from adapter_lib.storage.adapterhub.hub_settings import Settings, refused_in

_ALWAYS: dict[str, bool] = {"residual_before": False, "temperature": False}
_WITHOUT_EFFECT: dict[str, bool] = {"value_before_softmax": True}  # V has no bias, Σp = 1
_MATRICES = ("query", "key", "value")
_OFF_DIAGONAL = 1e-6
_REGULARISATION = 0.01  # fixed in AdapterHub's `get_fusion_regularization_loss`


def read_fusion_config(
    content: Mapping[str, Any], *, where: str, model_config: Any
) -> FusionConfig:
    """Return what `adapter_fusion_config.json` describes.

    Args:
        model_config: of the base model, which has the dropout where the fusion names none.

    Raises:
        UnsupportedSettingError: a setting cannot be represented; the message names it.
    """
    settings = Settings(content["config"], where)
    for name, wanted in _ALWAYS.items():
        settings.expect(name, wanted)
    settings.skip(_WITHOUT_EFFECT)
    learned = {name: settings.flag(name, default=True) for name in _MATRICES}
    if not any(learned.values()):
        settings.refuse("key, query and value", False, "at least one of them")
    initialised = settings.flag("value_initialized", default=True)
    query_before_norm = settings.flag("query_before_ln", default=False)
    regularised = settings.choose("regularization", {True: _REGULARISATION, False: 0.0}, True)
    dropout = settings.optional_number("dropout_prob")
    settings.finish()
    with refused_in(where):
        return FusionConfig(
            regularisation=regularised,
            dropout=dropout or fusion_dropout(model_config),  # AdapterHub reads 0 as unset
            value_off_diagonal=_OFF_DIAGONAL if initialised else None,
            query_before_norm=query_before_norm,
            **learned,
        )


def write_fusion_config(config: FusionConfig, *, model_config: Any) -> dict[str, Any]:
    """Return all fields of AdapterHub's `AdapterFusionConfig`.

    Raises:
        UnsupportedSettingError: AdapterHub has no such strength of regularisation, or would
            replace a dropout of zero by the base model's.
    """
    if config.regularisation not in (0.0, _REGULARISATION):
        raise UnsupportedSettingError(
            f"AdapterHub cannot represent regularisation={config.regularisation}; it has 0 and "
            f"{_REGULARISATION} only"
        )
    default = fusion_dropout(model_config)
    if config.dropout == 0 and default != 0:
        raise UnsupportedSettingError(
            f"AdapterHub cannot represent dropout=0 over this base; it would take the base's "
            f"attention dropout, {default}"
        )
    return {
        **_ALWAYS,
        **_WITHOUT_EFFECT,
        **{name: getattr(config, name) for name in _MATRICES},
        "query_before_ln": config.query_before_norm,
        "value_initialized": config.value_off_diagonal is not None,
        "dropout_prob": None if config.dropout == default else config.dropout,
        "regularization": config.regularisation > 0,
    }
