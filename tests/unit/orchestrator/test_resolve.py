"""What `precision: auto` stands for."""

from pathlib import Path

import pytest

from orchestrator.resolve import auto_precision
from workers.trial import Precision


@pytest.mark.parametrize(
    ("flags", "gpus", "expected"),
    [
        ("flags: fpu avx2 avx512_bf16", 0, Precision.BFLOAT16),
        ("flags: fpu amx_bf16", 0, Precision.BFLOAT16),
        ("flags: fpu avx2", 0, Precision.FLOAT32),
        ("flags: fpu avx2", 0.5, Precision.BFLOAT16),
    ],
)
def test_auto_precision_follows_the_hardware(
    tmp_path: Path, flags: str, gpus: float, expected: Precision
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(flags)
    assert auto_precision(gpus=gpus, cpuinfo=cpuinfo) is expected


def test_auto_precision_is_safe_where_the_processor_says_nothing(tmp_path: Path) -> None:
    assert auto_precision(gpus=0, cpuinfo=tmp_path / "none") is Precision.FLOAT32
