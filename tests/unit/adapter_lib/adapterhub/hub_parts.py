"""Adapters, heads and fusions to write in AdapterHub's format, and changes to the files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
)
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone


def make_adapter(config: AdapterConfig, layers: int = 4) -> Adapter:
    generator = torch.Generator().manual_seed(1)
    return Adapter(config, layers=layers, hidden_size=16, generator=generator)


def make_head(labels: int = 3, *, layers: int = 2, dropout: float = 0.1) -> Head:
    kind = HeadKind.REGRESSION if labels == 1 else HeadKind.CLASSIFICATION
    config = HeadConfig(kind, labels, layers=layers, dropout=dropout)
    return Head(config, hidden_size=16, generator=torch.Generator().manual_seed(0))


def make_fusion(
    backbone: Backbone, config: FusionConfig | None = None, **configs: AdapterConfig
) -> Fusion:
    return Fusion(
        config or FusionConfig(),
        {name: make_adapter(each) for name, each in configs.items()},
        layers=backbone.layers_count,
        hidden_size=backbone.hidden_size,
        generator=torch.Generator().manual_seed(2),
    )


def sources_of(fusion: Fusion) -> dict[str, Adapter]:
    return {name: fusion.source(name) for name in fusion.source_names}


def fused_state(fusion: Fusion) -> dict[str, Tensor]:
    return fusion.fused.state_dict()


def change_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_settings(folder: Path, **settings: Any) -> None:
    change_json(folder / "adapter_config.json", lambda c: c["config"].update(settings))


def rename(folder: Path, new_name: Callable[[str], str]) -> None:
    path = folder / "adapter.safetensors"
    save_file({new_name(key): tensor for key, tensor in load_file(path).items()}, path)
