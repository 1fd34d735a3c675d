"""Small random transformers whose weights and biases all matter, and padded batches."""

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import CONFIG_MAPPING, MODEL_MAPPING, PretrainedConfig, PreTrainedModel

from adapter_lib.config import architecture_facts as facts
from adapter_lib.transformer.backbone import Batch

LAYERS, HIDDEN = 4, 32
SIZES = {
    "vocab_size": 50,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}


@dataclass(frozen=True)
class Architecture:
    """How to build a small model.

    Attributes:
        typed: whether it takes token types.
        attention: which implementations transformers has for it.
        precision: of its own forward in float64; some compute parts in float32 whatever is asked.
    """

    model_type: str
    typed: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    attention: tuple[str, ...] = ("eager", "sdpa")
    precision: float = 1e-9

    @property
    def pooled(self) -> bool:
        """Whether it has a pooler to leave out."""
        return facts.ARCHITECTURES[self.model_type].may_have_pooler

    @property
    def pad_token(self) -> int:
        """Return 1 where positions are counted from behind the padding's, to see that they are."""
        positions = facts.ARCHITECTURES[self.model_type].positions
        return 1 if positions is facts.Positions.TABLE_BEHIND_PADDING else 0


DEBERTA = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 4,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
    "type_vocab_size": 0,
}
MODERN = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
ARCHITECTURES = {
    "albert": Architecture(
        "albert",
        typed=True,
        extra={"embedding_size": 12, "num_hidden_groups": 2, "hidden_dropout_prob": 0.1}
        | {"attention_probs_dropout_prob": 0.1},
    ),
    "deberta-v2": Architecture(
        "deberta-v2", typed=True, extra=DEBERTA, attention=("eager",), precision=1e-5
    ),
    "deberta-v2+types": Architecture(
        "deberta-v2",
        typed=True,
        extra=DEBERTA
        | {"share_att_key": False, "position_biased_input": True, "type_vocab_size": 2}
        | {"embedding_size": 12, "position_buckets": -1},
        attention=("eager",),
        precision=1e-5,
    ),
    "deberta-v2+absolute": Architecture(
        "deberta-v2",
        typed=True,
        extra={"type_vocab_size": 2},
        attention=("eager",),
        precision=1e-5,
    ),
    "llama": Architecture("llama", extra={"num_key_value_heads": 2, "attention_dropout": 0.1}),
    "modernbert": Architecture(
        "modernbert",
        extra=MODERN | {"local_attention": 6, "attention_dropout": 0.1},
        precision=1e-5,
    ),
    "mpnet": Architecture("mpnet", attention=("eager",)),
    "qwen2": Architecture("qwen2", extra={"num_key_value_heads": 1, "attention_dropout": 0.1}),
    "qwen2+nearby": Architecture(
        "qwen2",
        extra={"num_key_value_heads": 2, "use_sliding_window": True, "sliding_window": 3}
        | {"max_window_layers": 2, "attention_dropout": 0.1},
    ),
    "bert": Architecture("bert", typed=True),
    "distilbert": Architecture("distilbert", extra={"hidden_dim": 48}),
    "electra": Architecture("electra", typed=True, extra={"embedding_size": 12}),
    "gpt2": Architecture("gpt2", extra={"n_inner": 48, "bos_token_id": 2, "eos_token_id": 2}),
    "roberta": Architecture("roberta", typed=True, extra={"type_vocab_size": 2}),
    "xlm-roberta": Architecture("xlm-roberta", typed=True, extra={"type_vocab_size": 2}),
}


def make_transformer(
    architecture: str = "bert", attention: str | None = None, **changed: Any
) -> PreTrainedModel:
    """Return a random model without a pooler."""
    what = ARCHITECTURES[architecture]
    torch.manual_seed(3)
    config = make_config(what, **changed)
    if attention is not None:
        config._attn_implementation = attention
    options = {"add_pooling_layer": False} if what.pooled else {}
    model = MODEL_MAPPING[type(config)](config, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    return model.eval()


def make_config(what: Architecture, **changed: Any) -> PretrainedConfig:
    settings = SIZES | what.extra | changed
    return CONFIG_MAPPING[what.model_type](**settings, pad_token_id=what.pad_token)


def make_batch(padding: str = "right", pad_token: int = 0, tokens: int = 9) -> Batch:
    generator = torch.Generator().manual_seed(5)
    lengths = [tokens, 4, 1, 6]
    ids = torch.randint(5, 50, (len(lengths), tokens), generator=generator)
    types = torch.randint(0, 2, (len(lengths), tokens), generator=generator)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        real = slice(0, length) if padding == "right" else slice(tokens - length, None)
        mask[row, real] = 1
    if padding == "none":
        mask.fill_(1)
    return Batch(ids.masked_fill(mask == 0, pad_token), mask, types)
