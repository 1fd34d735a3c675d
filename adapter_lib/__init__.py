"""Adapters over frozen transformers: train, drop, share, fuse, prune and serve them.

The names below are what a script needs; each is imported from its module when it is first asked
for, so `import adapter_lib` alone costs nothing and `adapter_lib.config` stays free of
torch. `docs/adapter_lib.md` shows how to use them, `docs/architecture.md` how they fit together.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapter_lib.config.arrangement import Arrangement, Placement
    from adapter_lib.config.configuration import (
        AdapterConfig,
        FusionConfig,
        HeadConfig,
        HeadKind,
        Initialisation,
        NonLinearity,
        Pooling,
        Sharing,
    )
    from adapter_lib.errors import AdapterLibError
    from adapter_lib.joint.multitask import MultiTask
    from adapter_lib.model import AdapterModel
    from adapter_lib.modules.bottleneck import Adapter
    from adapter_lib.modules.fusion import Fusion
    from adapter_lib.modules.heads import Head
    from adapter_lib.modules.losses import loss_of
    from adapter_lib.storage.adapterhub.reading import read_model as read_adapterhub
    from adapter_lib.storage.adapterhub.writing import write_setup as write_adapterhub
    from adapter_lib.storage.files import load_adapter, read_manifest, save_adapter
    from adapter_lib.trainer_model import TrainerModel
    from adapter_lib.transformer.backbone import Backbone
    from adapter_lib.transformer.batch import Batch

_HOME = {
    "Adapter": "modules.bottleneck",
    "AdapterConfig": "config.configuration",
    "AdapterLibError": "errors",
    "AdapterModel": "model",
    "Arrangement": "config.arrangement",
    "Backbone": "transformer.backbone",
    "Batch": "transformer.batch",
    "Fusion": "modules.fusion",
    "FusionConfig": "config.configuration",
    "Head": "modules.heads",
    "HeadConfig": "config.configuration",
    "HeadKind": "config.configuration",
    "Initialisation": "config.configuration",
    "MultiTask": "joint.multitask",
    "NonLinearity": "config.configuration",
    "Placement": "config.arrangement",
    "Pooling": "config.configuration",
    "Sharing": "config.configuration",
    "TrainerModel": "trainer_model",
    "load_adapter": "storage.files",
    "loss_of": "modules.losses",
    "read_adapterhub": "storage.adapterhub.reading:read_model",
    "read_manifest": "storage.files",
    "save_adapter": "storage.files",
    "write_adapterhub": "storage.adapterhub.writing:write_setup",
}

__all__ = [
    "Adapter",
    "AdapterConfig",
    "AdapterLibError",
    "AdapterModel",
    "Arrangement",
    "Backbone",
    "Batch",
    "Fusion",
    "FusionConfig",
    "Head",
    "HeadConfig",
    "HeadKind",
    "Initialisation",
    "MultiTask",
    "NonLinearity",
    "Placement",
    "Pooling",
    "Sharing",
    "TrainerModel",
    "load_adapter",
    "loss_of",
    "read_adapterhub",
    "read_manifest",
    "save_adapter",
    "write_adapterhub",
]


def __getattr__(name: str) -> Any:
    """Import a name from its module when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own = _HOME[name].partition(":")
    found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), own or name)
    return found


def __dir__() -> list[str]:
    """List the names above besides those that are there already."""
    return sorted({*globals(), *__all__})
