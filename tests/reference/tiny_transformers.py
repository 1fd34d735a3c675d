"""Small random transformers whose weights and biases all matter, and padded batches."""

import torch
from transformers import (
    BertConfig,
    BertModel,
    PretrainedConfig,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from adapter_lib.backbone import Batch

LAYERS, HIDDEN = 4, 32
SIZES = {
    "vocab_size": 50,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "type_vocab_size": 2,
}
ARCHITECTURES: dict[str, tuple[type[PreTrainedModel], type[PretrainedConfig], int]] = {
    "bert": (BertModel, BertConfig, 0),
    "roberta": (RobertaModel, RobertaConfig, 1),
    "xlm-roberta": (XLMRobertaModel, XLMRobertaConfig, 1),
}


def make_transformer(architecture: str = "bert", attention: str | None = None) -> PreTrainedModel:
    model_class, config_class, pad = ARCHITECTURES[architecture]
    torch.manual_seed(3)
    config = config_class(**SIZES, pad_token_id=pad)
    if attention is not None:
        config._attn_implementation = attention
    model = model_class(config, add_pooling_layer=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    return model.eval()


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
