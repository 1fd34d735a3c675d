"""`gpu-check`: its table, its JSON and its exit codes."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from orchestrator import command_line
from orchestrator.commands import gpu_checking
from orchestrator.errors import OrchestratorError
from workers.errors import WorkerError
from workers.running.gpu_check import checks
from workers.running.gpu_check.finding import Finding, Report, WidthTime

FINE = Finding("packs equal to trials alone", True, "at most 1e-7 apart", "to 1e-4", 12.3)
OFF = Finding("memory limits respected", False, "9 of [8] GiB", "no more than the limit")


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Let the checks find what is in this list."""
    findings: list[Finding] = []
    monkeypatch.setattr(checks, "made_bench", lambda *_, **__: None)
    monkeypatch.setattr(
        checks,
        "run_checks",
        lambda *_, **__: Report({"name": "made up"}, findings, [WidthTime(4, "bfloat16", 1.5)]),
    )
    return findings


def test_a_table_and_an_exit_code(
    reported: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    reported.append(FINE)
    assert gpu_checking.gpu_check("cpu", base=None, as_json=False) == 0
    assert "packs equal to trials alone" in capsys.readouterr().out
    reported.append(OFF)
    assert gpu_checking.gpu_check("cpu", base=None, as_json=False) == 1
    shown = capsys.readouterr().out
    assert "off: memory limits respected: 9 of [8] GiB" in shown
    assert "says that the check works, and nothing of a GPU" in shown


def test_json_has_everything(reported: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    reported += [FINE, OFF]
    assert gpu_checking.gpu_check("cpu", base=None, as_json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["device"] == {"name": "made up"}
    assert [f["check"] for f in found["findings"]] == [FINE.check, OFF.check]
    assert found["throughput"][0]["ms"] == 1.5


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "meta"])
def test_other_devices_are_refused(device: str) -> None:
    with pytest.raises(OrchestratorError, match="expected `cuda`, `cuda:N` or `cpu`, found"):
        gpu_checking.gpu_check(device, base=None, as_json=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = CliRunner().invoke(command_line.app, ["gpu-check"])
    assert isinstance(result.exception, WorkerError)
    monkeypatch.setattr("sys.argv", ["adaptersweep", "gpu-check"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    assert "expected a GPU that torch" in capsys.readouterr().err


def test_a_base_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="expected an installed distribution, found none"):
        gpu_checking.gpu_check("cpu", base="package:no-such-base", as_json=False)
