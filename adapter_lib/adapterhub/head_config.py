"""Translate AdapterHub's classification heads from and to `HeadConfig`."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapter_lib.adapterhub.settings import Settings
from adapter_lib.configuration import HeadConfig, HeadKind
from adapter_lib.errors import ConfigurationError, UnsupportedSettingError


def read_head_config(
    content: Mapping[str, Any], *, where: str, model_config: Any
) -> tuple[HeadConfig, tuple[str, ...]]:
    """Return what `head_config.json` describes, and the names of its labels, if it has any.

    A head of one label is one for regression, as in AdapterHub.

    Args:
        model_config: of the base model, which has the dropout where the head names none.

    Raises:
        UnsupportedSettingError: a setting cannot be represented; the message names it.
        AdapterFileError: a setting is missing.
    """
    settings = Settings(content["config"], where)
    settings.expect("head_type", "classification")
    settings.expect("activation_function", "tanh")
    settings.expect("bias", True)
    settings.expect("use_pooler", False)
    labels = int(settings.number("num_labels"))
    layers = settings.take("layers")
    if layers not in (1, 2):
        settings.refuse("layers", layers, "1 or 2")
    dropout = settings.take("dropout_prob", default=None)
    names = settings.take("label2id", default=None) or {}
    if names and sorted(names.values()) != list(range(labels)):
        settings.refuse("label2id", names, "every number below num_labels once, or none")
    settings.finish()
    config = HeadConfig(
        HeadKind.REGRESSION if labels == 1 else HeadKind.CLASSIFICATION,
        labels,
        layers=layers,
        dropout=_default_dropout(model_config) if dropout is None else float(dropout),
    )
    return config, tuple(sorted(names, key=names.__getitem__))


def write_head_config(
    config: HeadConfig, *, labels: Sequence[str], model_config: Any
) -> dict[str, Any]:
    """Return all fields of AdapterHub's classification head.

    Raises:
        UnsupportedSettingError: the head is of a kind that is not exchanged, or reads the pooler.
        ConfigurationError: there are label names, but not one for each label.
    """
    if config.kind not in (HeadKind.CLASSIFICATION, HeadKind.REGRESSION):
        raise UnsupportedSettingError(
            f"heads for classification and regression are exchanged with AdapterHub, found kind "
            f"{config.kind}"
        )
    if config.use_pooler:
        raise UnsupportedSettingError(
            "heads on a token itself are exchanged with AdapterHub, found use_pooler=True"
        )
    if labels and len(set(labels)) != config.labels:
        raise ConfigurationError(
            f"expected {config.labels} different label names or none, found {list(labels)}"
        )
    default = _default_dropout(model_config)
    return {
        "activation_function": "tanh",
        "bias": True,
        "dropout_prob": None if config.dropout == default else config.dropout,
        "head_type": "classification",
        "label2id": {name: index for index, name in enumerate(labels)} if labels else None,
        "layers": config.layers,
        "num_labels": config.labels,
        "use_pooler": False,
    }


def _default_dropout(model_config: Any) -> float:
    for name in ("classifier_dropout", "hidden_dropout_prob"):
        value = getattr(model_config, name, None)
        if value is not None:
            return float(value)
    return 0.0
