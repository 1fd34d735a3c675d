"""`measure` keeps what it measured, goes on where it stopped, and prints it in every form."""

import csv
import io
import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from orchestrator import command_line
from orchestrator.catalog import Catalog
from orchestrator.catalog.measurements import asked_of
from workers.contract.measurement import Clock, Conditions, Group, Machine, MeasuredBase, Timing
from workers.contract.trial import Method
from workers.errors import MeasuringError
from workers.running.measuring import group as measuring

SPEC = """\
name: tiny
base: {layers: 2, hidden_size: 16, vocabulary: 50, positions: 16}
rounds: 2
at_least_s: 0
measure:
  - {title: against, method: [full_fine_tuning, adapter], batch_size: 2, length: 4}
  - title: shared
    action: infer
    tasks: 2
    drop_depth: [0, 1]
    batch_size: 2
    length: 4
    against: no_drop
  - {title: fused, method: fusion, action: infer, adapters: [2, 8], batch_size: 2, length: 4}
"""
GROUPS = 4

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def measure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    """Run `measure` on `SPEC`; return exit code, output and errors."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        words = ["measure", str(path), "--workspace", str(tmp_path / "w"), *arguments]
        monkeypatch.setattr(sys, "argv", ["adaptersweep", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def counted(monkeypatch: pytest.MonkeyPatch, fail_at: int = 0, error: Any = None) -> list[Group]:
    """Let every group be measured as before, but one; return which are asked for."""
    asked: list[Group] = []
    before = measuring.measure_group

    def measure_group(group: Group, **options: Any) -> list[Timing]:
        asked.append(group)
        if len(asked) == fail_at:
            raise error
        return before(group, **options)

    monkeypatch.setattr(measuring, "measure_group", measure_group)
    return asked


def test_every_comparison_is_printed_with_the_papers_value(measure: Command) -> None:
    code, out, err = measure()
    assert code == 0
    assert "11 cells in 4 groups that take turns; 0 are measured already" in err
    for words in ("against", "shared", "fused", "full fine-tuning", "up to 1.60", "0.94–0.96"):
        assert words in out
    assert "4.3 %" in out  # a shared layer of two tasks
    assert "0.38" in out  # a fusion of eight in inference
    assert "cores of" in out.splitlines()[-1]
    as_json = json.loads(measure("--json")[1])
    rows = list(csv.DictReader(io.StringIO(measure("--csv")[1])))
    assert len(rows) == len(as_json) == 2 * 2 + 2 + 4
    fused = [row for row in as_json if row["method"] == "fusion" and row["adapters"] == 8]
    assert {row["paper_source"] for row in fused} == {
        "Rücklé et al. 2021 (AdapterDrop), table 3, AF/FullFT infer, 8 adapters"
    }
    assert all(row["measurement_id"] != row["baseline_id"] for row in as_json)
    assert {row["measurement_id"] for row in as_json} == {row["measurement_id"] for row in rows}
    assert all(len(row["measurement_id"]) == 20 for row in as_json)
    code, out, _ = measure("--markdown")
    assert out.count("|--|") >= 3
    assert "**against**" in out


def test_it_can_be_drawn(measure: Command, tmp_path: Path) -> None:
    code, _, err = measure("--dry-run", "--to", str(tmp_path / "speeds.json"))
    assert code == 2
    assert "nothing to draw: nothing was measured yet" in err
    code, _, err = measure("--to", str(tmp_path / "speeds.txt"))
    assert (code, "expected a file that ends with" in err) == (2, True)
    code, _, err = measure("--to", str(tmp_path / "speeds.json"))
    assert code == 0
    assert "the figure is in" in err
    spec = json.loads((tmp_path / "speeds.json").read_text())
    assert [each["title"]["text"][0] for each in spec["concat"]] == [
        "against",
        "shared",
        "fused",
    ]
    rows = [row for each in spec["concat"] for row in each["data"]["values"]]
    assert {row["of"] for row in rows} == {"measured here", "the paper"}
    shared = [row for row in rows if "tasks" in row["what"] and row["of"] == "the paper"]
    assert [row["value"] for row in shared] == [0.043]
    assert measure("--dry-run", "--to", str(tmp_path / "speeds.svg"))[0] == 0
    assert (tmp_path / "speeds.svg").read_text().startswith("<svg")


def test_what_was_measured_is_not_measured_again(
    measure: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = json.loads(measure("--json")[1])
    asked = counted(monkeypatch)
    assert json.loads(measure("--json")[1]) == first
    assert asked == []
    anew = json.loads(measure("--json", "--again")[1])
    assert len(asked) == GROUPS
    assert not {r["run"] for r in anew} & {r["run"] for r in first}
    assert json.loads(measure("--json", "--dry-run")[1]) == anew  # the latest counts


def test_an_interrupted_run_goes_on(measure: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch, fail_at=3, error=KeyboardInterrupt())
    assert measure()[0] == 130
    code, out, err = measure("--dry-run", "--json")
    kept = json.loads(out)
    assert (code, len(asked)) == (0, 3)
    assert "4 are measured already" in err
    assert {row["block"] for row in kept} == {"against"}
    code, out, _ = measure("--json")
    assert (code, len(asked)) == (0, 3 + 2)
    by_id = {row["measurement_id"]: row for row in json.loads(out)}
    assert all(by_id[row["measurement_id"]] == row for row in kept)
    assert {row["block"] for row in by_id.values()} == {"against", "shared", "fused"}


def test_a_group_that_fails_leaves_the_others(
    measure: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(monkeypatch, fail_at=1, error=MeasuringError("expected memory for 2 models"))
    code, out, err = measure()
    assert code == 1
    assert "train, 2 × 4, cpu, float32: 2 cells: expected memory for 2 models" in err
    assert "fused" in out


def test_a_gpu_that_is_not_there_is_said_at_once(measure: Command, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    (tmp_path / "spec.yaml").write_text(SPEC + "device: cuda\n")
    code, _, err = measure()
    assert code == 2
    assert "expected a GPU that torch" in err


def test_one_form_at_a_time(measure: Command) -> None:
    code, _, err = measure("--csv", "--markdown")
    assert code == 2
    assert "--csv and --markdown: expected one of them" in err


BASE = MeasuredBase(config={"model_type": "bert"}, layers=2, hidden_size=8)
MACHINE = Machine(
    device="A", cpu="A", cores=2, python="3", torch="2", transformers="5", adaptersweep="0"
)


def a_group(seed: int = 0) -> tuple[Group, list[Timing]]:
    from workers.contract.measurement import Action, Cell

    cells = tuple(
        Cell(method=method, action=Action.TRAIN, batch_size=1, length=2)
        for method in (Method.FULL_FINE_TUNING, Method.ADAPTER)
    )
    timings = [
        Timing(cell=cell, wall_s=(3.0, 1.0, 2.0), cpu_s=(0.3, 0.1, 0.25 + n))
        for n, cell in enumerate(cells)
    ]
    return Group(conditions=Conditions(base=BASE, seed=seed), cells=cells), timings


def test_a_catalog_gives_back_the_latest_run_as_it_was_written(catalog_url: str) -> None:
    group, timings = a_group()
    other, _ = a_group(seed=1)
    known = {"spec": ("tiny", "0" * 64), "clock": Clock.CPU, "load": (0.5, 1.5)}
    with closing(Catalog.open(catalog_url)) as catalog:
        first = catalog.record_measurements(group, timings, MACHINE, **known)  # type: ignore[arg-type]
        latest = catalog.record_measurements(group, timings, MACHINE, **known)  # type: ignore[arg-type]
        asked = asked_of(group, MACHINE)
        assert catalog.measured([asked, asked_of(other, MACHINE)]) == {asked: latest}
        assert [row.timing for row in latest] == timings
        assert [(r.median_s, r.low_s, r.high_s) for r in latest] == [
            (0.25, 0.1, 0.3),
            (0.3, 0.1, 1.25),
        ]
        assert len({row.measurement_id for row in first + latest}) == 4
        assert len({row.run for row in latest}) == 1
        with catalog._reading() as connection:
            assert connection.scalar(text("SELECT count(*) FROM measurements")) == 4
    faster = MACHINE.model_copy(update={"torch": "3"})
    assert asked_of(group, faster) != asked
