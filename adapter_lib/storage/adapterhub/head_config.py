"""Translate AdapterHub's heads from and to `HeadConfig`."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapter_lib.config.configuration import HeadConfig, HeadKind, Pooling
from adapter_lib.errors import ConfigurationError, UnsupportedSettingError
from adapter_lib.storage.adapterhub.base_dropout import head_dropout
from adapter_lib.storage.adapterhub.hub_settings import Settings, refused_in

_TYPES = {
    "classification": HeadKind.CLASSIFICATION,
    "multiple_choice": HeadKind.MULTIPLE_CHOICE,
    "question_answering": HeadKind.SPAN,
    "tagging": HeadKind.TOKEN_CLASSIFICATION,
    "masked_lm": HeadKind.MASKED_LM,
}
_NAMES = {kind: name for name, kind in _TYPES.items()} | {HeadKind.REGRESSION: "classification"}


def read_head_config(
    content: Mapping[str, Any], *, where: str, model_config: Any
) -> tuple[HeadConfig, tuple[str, ...]]:
    """Return what `head_config.json` describes, and the names of its labels, if it has any.

    A classification head of one label is one for regression, as in AdapterHub.

    Args:
        model_config: of the base model, which has the dropout where the head names none.

    Raises:
        UnsupportedSettingError: a setting cannot be represented; the message names it.
        AdapterFileError: a setting is missing.
    """
    settings = Settings(content["config"], where)
    kind = settings.choose("head_type", _TYPES)
    if kind is HeadKind.MASKED_LM:
        return _read_masked_lm(settings), ()
    settings.expect("activation_function", "tanh")
    settings.expect("bias", True)
    use_pooler = settings.choose("use_pooler", {True: True, False: False}, default=False)
    count = "num_choices" if kind is HeadKind.MULTIPLE_CHOICE else "num_labels"
    labels = settings.whole(count)
    layers = settings.take("layers")
    if type(layers) is not int or layers not in (1, 2):
        settings.refuse("layers", layers, "1 or 2")
    dropout = settings.optional_number("dropout_prob")
    names = settings.take("label2id", default=None) or {}
    if not _names_each(names, labels):
        settings.refuse("label2id", names, f"every number below {count} once, or none")
    settings.finish()
    if kind is HeadKind.CLASSIFICATION and labels == 1:
        kind = HeadKind.REGRESSION
    try:
        config = HeadConfig(
            kind,
            labels,
            layers=layers,
            dropout=head_dropout(model_config) if dropout is None else dropout,
            use_pooler=use_pooler,
        )
    except ConfigurationError as error:
        raise UnsupportedSettingError(
            f"{where} has {count}={labels} and use_pooler={use_pooler}, which cannot be a head "
            f"here: {error}"
        ) from error
    return config, tuple(sorted(names, key=names.__getitem__))


def _names_each(names: Any, labels: int) -> bool:
    """Say whether label names are none, or one for each number below `labels`."""
    if not isinstance(names, dict):
        return False
    numbers = list(names.values())
    plain = all(type(number) is int for number in numbers)
    return not names or (len(names) == labels and plain and sorted(numbers) == [*range(labels)])


def _read_masked_lm(settings: Settings) -> HeadConfig:
    settings.expect("activation_function", "gelu")
    settings.expect("layer_norm", True)
    settings.expect("bias", True)
    settings.expect("shift_labels", False)
    settings.expect("layers", 2)
    settings.expect("label2id", None)
    settings.skip(["embedding_size"])  # the shapes of the tensors say it
    vocabulary = settings.whole("vocab_size")
    with refused_in(settings.where):
        config = HeadConfig(HeadKind.MASKED_LM, vocabulary, dropout=0.0)
    settings.finish()
    return config


def write_head_config(
    config: HeadConfig, *, labels: Sequence[str], model_config: Any, embedding_size: int
) -> dict[str, Any]:
    """Return all fields of AdapterHub's head.

    Raises:
        UnsupportedSettingError: AdapterHub cannot represent a setting; the message names it.
        ConfigurationError: there are label names, but not one for each label.
    """
    if labels and len(set(labels)) != config.labels:
        raise ConfigurationError(
            f"expected {config.labels} different label names or none, found {list(labels)}"
        )
    if config.kind is HeadKind.MASKED_LM:
        return _write_masked_lm(config, labels, embedding_size)
    if config.pooling is not Pooling.TOKEN:
        raise UnsupportedSettingError(
            f"AdapterHub's heads read one token of a row, found pooling={config.pooling}; write "
            "the adapter alone, with write_adapter"
        )
    default = head_dropout(model_config)
    fields = {
        "activation_function": "tanh",
        "dropout_prob": None if config.dropout == default else config.dropout,
        "head_type": _NAMES[config.kind],
        "label2id": {name: index for index, name in enumerate(labels)} if labels else None,
        "layers": config.layers,
    }
    if config.kind is HeadKind.MULTIPLE_CHOICE:
        return fields | {"num_choices": config.labels, "use_pooler": config.use_pooler}
    fields["num_labels"] = config.labels
    if config.kind in (HeadKind.CLASSIFICATION, HeadKind.REGRESSION):
        fields |= {"bias": True, "use_pooler": config.use_pooler}
    return fields


def _write_masked_lm(
    config: HeadConfig, labels: Sequence[str], embedding_size: int
) -> dict[str, Any]:
    if config.dropout or labels:
        raise UnsupportedSettingError(
            f"AdapterHub's masked_lm head has neither dropout nor label names, found dropout="
            f"{config.dropout} and {list(labels)}; set it to 0"
        )
    return {
        "activation_function": "gelu",
        "bias": True,
        "embedding_size": embedding_size,
        "head_type": _NAMES[config.kind],
        "label2id": None,
        "layer_norm": True,
        "layers": 2,
        "shift_labels": False,
        "vocab_size": config.labels,
    }
