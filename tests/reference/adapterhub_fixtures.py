"""What AdapterHub wrote and computed; see `adapterhub/build_fixtures.py`, which made it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.storage.adapterhub.reading import read_adapter, read_fusion, read_head
from adapter_lib.transformer.backbone import Backbone, Batch

FIXTURES = Path(__file__).parent / "adapterhub" / "fixtures"
ARCHITECTURES = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())


@dataclass(frozen=True)
class Case:
    """One output; the fields are those of `build_fixtures.Case`."""

    key: str
    adapters: list[str]
    skip_layers: int
    padding: str


class HubFolder:
    """One architecture's folder."""

    def __init__(self, architecture: str) -> None:
        self.path = FIXTURES / architecture

    @cached_property
    def backbone(self) -> Backbone:
        backbone = Backbone.from_folder(self.path / "base", name=f"tiny-{self.path.name}")
        backbone.counts_padding = True  # as AdapterHub does
        return backbone

    @cached_property
    def cases(self) -> list[Case]:
        return [Case(**fields) for fields in json.loads((self.path / "cases.json").read_text())]

    @cached_property
    def expected(self) -> dict[str, Tensor]:
        return load_file(self.path / "expected.safetensors")

    def batch(self, padding: str) -> Batch:
        inputs = load_file(self.path / "inputs.safetensors")
        return Batch(inputs[f"{padding}.input_ids"], inputs[f"{padding}.attention_mask"])

    def part(self, names: list[str]) -> Adapter | Fusion | None:
        adapters = {
            name: read_adapter(self.path / "adapters" / name, self.backbone).adapter
            for name in names
        }
        if len(names) < 2:
            return adapters[names[0]] if names else None
        return read_fusion(self.path / "fusions" / ",".join(names), self.backbone, sources=adapters)

    def model(self, names: list[str]) -> AdapterModel:
        head = read_head(self.path / "adapters" / names[0], self.backbone).head
        return AdapterModel(self.backbone, head, self.part(names))

    def trained(self, kind: str, when: str) -> AdapterModel:
        """Return the model before or after the training run of an adapter or a fusion."""
        folder = self.path / "training" / f"{kind}_{when}"
        head = read_head(folder, self.backbone)
        if kind == "adapter":
            return AdapterModel(
                self.backbone, head.head, read_adapter(folder, self.backbone).adapter
            )
        names = json.loads((folder / "adapter_fusion_config.json").read_text())["adapter_names"]
        sources = {
            name: read_adapter(self.path / "adapters" / name, self.backbone).adapter
            for name in names
        }
        fusion = read_fusion(folder, self.backbone, sources=sources)
        return AdapterModel(self.backbone, head.head, fusion)

    def training_batches(self, kind: str) -> list[tuple[Batch, Tensor]]:
        stored = load_file(self.path / "training" / f"{kind}_batches.safetensors")
        columns = (stored["input_ids"], stored["attention_mask"], stored["labels"])
        return [(Batch(ids, mask), labels) for ids, mask, labels in zip(*columns, strict=True)]
