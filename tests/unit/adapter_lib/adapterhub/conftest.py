"""What is read in AdapterHub's format."""

from pathlib import Path

import pytest
from hub_parts import make_adapter, make_fusion

from adapter_lib.config.configuration import (
    AdapterConfig,
)
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.adapterhub.writing import write_adapter
from adapter_lib.transformer.backbone import Backbone


@pytest.fixture
def saved(backbone: Backbone, tmp_path: Path) -> Path:
    """A Pfeiffer adapter named `mnli` in AdapterHub's format."""
    folder = tmp_path / "mnli"
    write_adapter(folder, make_adapter(AdapterConfig(4)), name="mnli", backbone=backbone)
    return folder


@pytest.fixture
def fusion(backbone: Backbone) -> Fusion:
    return make_fusion(backbone, a=AdapterConfig(3), b=AdapterConfig(5, drop_depth=2))
