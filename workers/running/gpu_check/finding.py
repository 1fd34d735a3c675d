"""What a check found, and on what device."""

from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        ok: None for what is told and not judged.
        bound: what was asked for.
    """

    check: str
    ok: bool | None
    found: str
    bound: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class WidthTime:
    """What a trial's step takes in packs of one width.

    Attributes:
        width: of the pack; 0 for a trial alone, outside of packs.
        peak_bytes: of the device, that tensors took at once; 0 where that is not known.
    """

    width: int
    precision: str
    ms: float
    peak_bytes: int = 0


@dataclass(frozen=True)
class Report:
    """All of it.

    Attributes:
        device: its name, versions and settings.
    """

    device: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)
    throughput: list[WidthTime] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing that was judged is off."""
        return all(finding.ok is not False for finding in self.findings)


def describe(device: torch.device) -> dict[str, Any]:
    """Return what figures of a device must be read with."""
    found: dict[str, Any] = {"device": str(device), "torch": torch.__version__}
    if device.type != "cuda":
        return found
    properties = torch.cuda.get_device_properties(device)
    free, total = torch.cuda.mem_get_info(device)
    return found | {
        "name": properties.name,
        "compute_capability": f"{properties.major}.{properties.minor}",
        "memory_bytes": total,
        "used_by_all_bytes": total - free,
        "cuda": torch.version.cuda,
        "bfloat16": torch.cuda.is_bf16_supported(including_emulation=False),
        "tf32": torch.get_float32_matmul_precision() != "highest",
    }
