"""Write the golden files of docs/adapter-format.md: folders that every release must read alike.

    python tests/reference/build_golden.py [FOLDER]

Run it when a case is added, never to make a failing test pass: a changed byte of an old case is a
changed format. Weights come from integers, not from random numbers, so the same bytes come out
wherever it is run. `outputs.json` is computed, and compared within rounding.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

import torch
from safetensors.torch import save_file
from torch import Tensor

from adapter_lib.config.arrangement import Arrangement, NormAfter, Residual
from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    NonLinearity,
    Placement,
    Pooling,
    Sharing,
)
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import save_adapter
from adapter_lib.transformer.backbone import Backbone, Batch

GOLDEN = Path(__file__).parent / "golden"
LAYERS, HIDDEN, VOCABULARY = 3, 8, 24
BASE_CONFIG = {
    "model_type": "bert",
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 8,
    "pad_token_id": 0,
}
CLASSES = HeadConfig(HeadKind.CLASSIFICATION, 3)
SIZE_2 = AdapterConfig(2)
CASES: dict[str, tuple[AdapterConfig | None, HeadConfig]] = {
    "pfeiffer": (SIZE_2, CLASSES),
    "houlsby": (
        AdapterConfig(
            3, placement=Placement.HOULSBY, non_linearity=NonLinearity.SWISH, drop_depth=1
        ),
        HeadConfig(HeadKind.REGRESSION, 1, layers=1),
    ),
    "parallel": (
        AdapterConfig(
            2, placement=Placement.PARALLEL, scaling=4.0, dropout=0.1, layer_sizes=(1, 2, 3)
        ),
        CLASSES,
    ),
    "shared": (AdapterConfig(2, sharing=Sharing.ALL_LAYERS), CLASSES),
    "grouped": (AdapterConfig(2, sharing=Sharing.GROUPS, group_layers=2), CLASSES),
    "arranged": (
        AdapterConfig(
            2,
            arrangement=Arrangement(
                residual=Residual.NORMED,
                norm_before=True,
                norm_after=NormAfter.OUTPUT,
                base_norm_after=False,
            ),
        ),
        CLASSES,
    ),
    "trained-norms": (AdapterConfig(2, drop_depth=2, trained_norm=True), CLASSES),
    "head": (None, CLASSES),
    "pooled-head": (None, HeadConfig(HeadKind.CLASSIFICATION, 2, layers=1, use_pooler=True)),
    "mean-head": (
        SIZE_2,
        HeadConfig(HeadKind.CLASSIFICATION, 2, layers=1, pooling=Pooling.MEAN),
    ),
    "multiple-choice": (SIZE_2, HeadConfig(HeadKind.MULTIPLE_CHOICE, 2)),
    "span": (SIZE_2, HeadConfig(HeadKind.SPAN, 2, layers=1)),
    "token-classification": (SIZE_2, HeadConfig(HeadKind.TOKEN_CLASSIFICATION, 4)),
    "masked-lm": (SIZE_2, HeadConfig(HeadKind.MASKED_LM, VOCABULARY)),
}
FUSION_SOURCES = {"rte": AdapterConfig(2), "sst-2.v1": AdapterConfig(3, drop_depth=1)}
FUSIONS = {
    "fusion": FusionConfig(),
    "static-fusion": FusionConfig(value=False, query_before_norm=True, value_off_diagonal=None),
}
FUSION_KEEP = {0: ["rte"], 1: ["rte", "sst-2.v1"], 2: ["sst-2.v1"]}


def numbers(name: str, shape: torch.Size) -> Tensor:
    """Return what looks random in (-0.5, 0.5), exactly the same everywhere."""
    count = shape.numel()
    start = crc32(name.encode()) % 10007
    values = (start + torch.arange(1, count + 1, dtype=torch.int64) * 7919) % 10007
    return ((values - 5003).float() / 10007).reshape(shape)


def fill(state: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(numbers(name, tensor.shape))


def write_base(folder: Path) -> None:
    """Write a tiny BERT with pooler; norms are near the identity."""
    import transformers

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(BASE_CONFIG, indent=2) + "\n")
    model = transformers.BertModel(transformers.BertConfig(**BASE_CONFIG))
    state = {}
    for name, parameter in model.named_parameters():
        state[name] = numbers(name, parameter.shape)
        if "LayerNorm.weight" in name:
            state[name] = state[name] + 1
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def make_adapter(config: AdapterConfig, name: str) -> Adapter:
    adapter = Adapter(config, layers=LAYERS, hidden_size=HIDDEN)
    fill({f"{name}.{key}": tensor for key, tensor in adapter.state_dict().items()})
    return adapter


def make_fusion(config: FusionConfig) -> Fusion:
    sources = {name: make_adapter(config, name) for name, config in FUSION_SOURCES.items()}
    fusion = Fusion(config, sources, layers=LAYERS, hidden_size=HIDDEN)
    fill({f"fused.{key}": tensor for key, tensor in fusion.fused.state_dict().items()})
    return fusion.pruned(FUSION_KEEP)


def make_models(backbone: Backbone) -> dict[str, AdapterModel]:
    models = {}
    for name, (config, head_config) in CASES.items():
        adapter = None if config is None else make_adapter(config, "adapter")
        models[name] = AdapterModel(backbone, make_head(head_config), adapter)
    for name, fusion_config in FUSIONS.items():
        models[name] = AdapterModel(backbone, make_head(CLASSES), make_fusion(fusion_config))
    return models


def make_head(config: HeadConfig) -> Head:
    head = Head(config, hidden_size=HIDDEN)
    fill({f"head.{key}": tensor for key, tensor in head.state_dict().items()})
    return head


def golden_batch() -> Batch:
    """Return four rows, one padded on the right and one on the left."""
    ids = (torch.arange(4 * 6).reshape(4, 6) * 7) % (VOCABULARY - 1) + 1
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    mask[2, :2] = 0
    return Batch(ids * mask, mask, torch.tensor([0, 0, 0, 1, 1, 1]).repeat(4, 1))


def write_golden(folder: Path) -> None:
    """Write base, one folder per case, and the logits of each at depth 0 and 2."""
    write_base(folder / "base")
    backbone = Backbone.from_folder(folder / "base", name="golden-base")
    backbone.counts_padding = True
    outputs = {}
    for name, model in make_models(backbone).items():
        save_adapter(
            folder / "format-1" / name,
            model,
            task={"name": name},
            provenance={"written_by": "tests/reference/build_golden.py"},
        )
        with torch.no_grad():
            outputs[name] = {
                str(depth): model(golden_batch(), drop_depth=depth).tolist() for depth in (0, 2)
            }
    (folder / "outputs.json").write_text(json.dumps(outputs) + "\n")


if __name__ == "__main__":
    write_golden(Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN)
