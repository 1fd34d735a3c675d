"""A tiny random BERT, batches for it, and models over it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel

from adapter_lib.config.configuration import AdapterConfig, FusionConfig, HeadConfig, HeadKind
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch

ModelFactory = Callable[..., AdapterModel]


def transformer(seed: int = 3, *, layers: int = 4, hidden_size: int = 16) -> BertModel:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=40,
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=16,
        initializer_range=0.3,
    )
    return BertModel(config, add_pooling_layer=False).eval()


@pytest.fixture
def make_transformer() -> Callable[..., BertModel]:
    return transformer


@pytest.fixture
def backbone() -> Backbone:
    return Backbone.from_model(transformer(), name="tiny")


@pytest.fixture
def batch() -> Batch:
    """Three rows, the second padded on the right, the third on the left."""
    ids = torch.randint(1, 40, (3, 7), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    mask[2, :2] = 0
    return Batch(ids, mask)


@pytest.fixture
def make_model(backbone: Backbone) -> ModelFactory:
    """Build a model over the tiny backbone, with an adapter, a fusion of several, or neither."""

    def make(
        config: AdapterConfig | dict[str, AdapterConfig] | None = None,
        *,
        head: HeadConfig | None = None,
        fusion: FusionConfig | None = None,
        seed: int = 0,
    ) -> AdapterModel:
        generator = torch.Generator().manual_seed(seed)
        layers, hidden_size = backbone.layers_count, backbone.hidden_size

        def adapter(config: AdapterConfig) -> Adapter:
            return Adapter(config, layers=layers, hidden_size=hidden_size, generator=generator)

        part: Adapter | Fusion | None = None
        if isinstance(config, AdapterConfig):
            part = adapter(config)
        elif config is not None:
            part = Fusion(
                fusion or FusionConfig(),
                {name: adapter(one) for name, one in config.items()},
                layers=layers,
                hidden_size=hidden_size,
                generator=generator,
            )
        head = head or HeadConfig(HeadKind.CLASSIFICATION, 3)
        model = AdapterModel(
            backbone, Head(head, hidden_size=hidden_size, generator=generator), part
        )
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if not name.startswith("backbone."):
                    parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
        return model

    return make


@pytest.fixture
def fusion_model(make_model: ModelFactory) -> AdapterModel:
    """Three sources of different sizes and depths."""
    return make_model(
        {
            "rte": AdapterConfig(4),
            "sst-2.v1": AdapterConfig(2, drop_depth=1),
            "keys": AdapterConfig(3, drop_depth=2),
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "adapters" / "rte"
