"""The checks of `adaptersweep gpu-check`, one test each; skipped where torch can use no GPU."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from workers.running.accelerator import claim
from workers.running.gpu_check.checks import CHECKS, Bench, Check, Sizes, made_bench
from workers.running.gpu_check.finding import WidthTime
from workers.running.gpu_check.throughput import throughput_findings

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch can use no GPU here"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    device, _ = claim(torch.device("cuda"))
    return made_bench(device, tmp_path_factory.mktemp("gpu"), Sizes(), base=None)


@pytest.fixture(autouse=True)
def whole_gpu() -> Iterator[None]:
    yield
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_off(bench: Bench, check: Check) -> None:
    findings = list(check(bench))
    assert findings
    assert [finding for finding in findings if finding.ok is False] == []


def test_what_is_chosen_by_itself_is_best(bench: Bench, tmp_path: Path) -> None:
    timed: list[WidthTime] = []
    findings = list(
        throughput_findings(
            bench.load, bench.device, tmp_path, widths=bench.sizes.widths, steps=10, into=timed
        )
    )
    assert len({found.width for found in timed}) > 2
    assert [finding for finding in findings if finding.ok is False] == []
