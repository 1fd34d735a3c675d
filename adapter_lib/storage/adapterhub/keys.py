"""How AdapterHub names tensors, for each architecture that both libraries support.

A tensor's path begins with the name of the base model inside its class, which is missing where
the base class itself was saved; `without_prefix` removes it.
"""

import re
from dataclasses import dataclass

from adapter_lib.config.configuration import HeadKind
from adapter_lib.errors import UnsupportedArchitectureError
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head


@dataclass(frozen=True)
class Naming:
    """Attributes:
    model_class: AdapterHub's class with heads, as its files name it.
    prefix: of the base model inside that class.
    layers: path of the list of layers inside the base model.
    attention: path of the adapters after the attention block inside a layer.
    feed_forward: the same after the feed-forward block.
    """

    model_class: str
    prefix: str
    layers: str = "encoder.layer"
    attention: str = "attention.output"
    feed_forward: str = "output"


_NAMING = {
    "albert": Naming(
        "AlbertAdapterModel",
        "albert.",
        "encoder.albert_layer_groups",
        "albert_layers.0.attention.attention_adapters",
        "albert_layers.0.output_adapters",
    ),
    "bert": Naming("BertAdapterModel", "bert."),
    "deberta-v2": Naming("DebertaV2AdapterModel", "deberta."),
    "distilbert": Naming(
        "DistilBertAdapterModel",
        "distilbert.",
        "transformer.layer",
        "attention_adapters",
        "output_adapters",
    ),
    "electra": Naming("ElectraAdapterModel", "electra."),
    "gpt2": Naming(
        "GPT2AdapterModel", "transformer.", "h", "attention_adapters", "output_adapters"
    ),
    "llama": Naming(
        "LlamaAdapterModel", "model.", "layers", "attention_adapters", "output_adapters"
    ),
    "roberta": Naming("RobertaAdapterModel", "roberta."),
    "xlm-roberta": Naming("XLMRobertaAdapterModel", "roberta."),
}
_PARTS = {
    "down": "adapter_down.0",
    "up": "adapter_up",
    "norm_before": "adapter_norm_before",
    "norm_after": "adapter_norm_after",
}
_BEHIND_NORM = {"down": "adapter_down.1"}  # a norm in front is number 0, besides its own name
_HEAD_POSITIONS = {1: {"output": 1}, 2: {"dense": 1, "output": 4}}  # dropouts and tanh between
_OLD_NAMES = re.compile(r"\.(?:attention|layer)_text_(?:task|lang)_adapters\.")
_FUSION_NAME = re.compile(r"\.adapter_fusion_layer\.(.+)\.(?:query|key|value)\.")


def is_name(name: str) -> bool:
    """Say whether AdapterHub can call an adapter or a head so.

    A dot cannot be part of a module's name in torch, a comma separates fused adapters, and names
    are folders too.
    """
    return bool(name) and name.isprintable() and not set(name) & set(".,/\\")


def naming_for(model_type: str) -> Naming:
    """Return the names used for a model type.

    Raises:
        UnsupportedArchitectureError: files of this architecture are not exchanged.
    """
    if model_type not in _NAMING:
        raise UnsupportedArchitectureError(
            f"adapters are exchanged with AdapterHub for {', '.join(sorted(_NAMING))}, found "
            f"{model_type!r}"
        )
    return _NAMING[model_type]


def without_prefix(key: str, naming: Naming) -> str:
    """Return a key as it is inside the base model, with today's names for old ones."""
    return _OLD_NAMES.sub(".adapters.", key.removeprefix(naming.prefix))


def fusion_name(key: str) -> str | None:
    """Return which fusion a tensor belongs to, None for no fusion at all."""
    found = _FUSION_NAME.search(key)
    return None if found is None else found.group(1)


def adapter_keys(adapter: Adapter, name: str, naming: Naming) -> dict[str, str]:
    """Return our name → AdapterHub's, without prefix, of every tensor of an adapter.

    Where layers share parameters, as `places` allows, those of one place have one name in both.
    """
    locations = {"attention": naming.attention, "feed_forward": naming.feed_forward}
    parts = _PARTS | (_BEHIND_NORM if adapter.config.arrangement.norm_before else {})
    keys = {}
    for ours in adapter.state_dict():
        location, layers, part, tensor = ours.split(".")
        number = "0" if layers == "shared" else layers.removeprefix("group")
        place = f"{naming.layers}.{number}.{locations[location]}.adapters.{name}"
        keys[ours] = f"{place}.{parts[part]}.{tensor}"
    return keys


def second_name(key: str) -> str | None:
    """Return under which name AdapterHub stores a tensor once more, None where it does not."""
    second = key.replace(".adapter_norm_before.", ".adapter_down.0.")
    return None if second == key else second


def fusion_keys(fusion: Fusion, name: str, naming: Naming) -> dict[str, str]:
    """Return our name → AdapterHub's, without prefix, of every tensor of a fusion itself."""
    keys = {}
    for ours in fusion.fused.state_dict():
        layer, part = ours.split(".", 1)
        part = "value.weight" if part == "value" else part
        keys[ours] = (
            f"{naming.layers}.{layer}.{naming.feed_forward}.adapter_fusion_layer.{name}.{part}"
        )
    return keys


def head_keys(head: Head, name: str) -> dict[str, str]:
    """Return our name → AdapterHub's of every tensor of a head."""
    if head.config.kind is HeadKind.MASKED_LM:
        return {
            f"{ours}.{part}": f"heads.{name}.{position}.{part}"
            for ours, position in {"dense": 0, "norm": 2}.items()
            for part in ("weight", "bias")
        } | {"bias": f"heads.{name}.3.bias"}
    positions = _HEAD_POSITIONS[head.config.layers]
    return {
        f"{ours}.{part}": f"heads.{name}.{position}.{part}"
        for ours, position in positions.items()
        for part in ("weight", "bias")
    }


def decoder_key(name: str) -> str:
    """Return what AdapterHub calls the token embedding in a head for masked words."""
    return f"heads.{name}.3.weight"


def layer_of(key: str, naming: Naming) -> int | None:
    """Return the layer that a tensor without prefix belongs to, None for no layer."""
    found = re.match(rf"{re.escape(naming.layers)}\.(\d+)\.", key)
    return None if found is None else int(found.group(1))
