"""The picture shows what the catalog holds."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dashboards.comparing import Line
from dashboards.figures import FIGURES
from dashboards.figures.drop_curves import DropPanel, adapter_panels
from dashboards.looks import Look
from dashboards.results import read_results
from orchestrator import command_line
from orchestrator.catalog.catalog import Catalog
from orchestrator.running.driver import plan_sweep
from orchestrator.spec.axes import Condition
from orchestrator.stores import Stores
from workers.contract.results import (
    ParameterCounts,
    Score,
    SelectionRecord,
    TrialResult,
    read_result,
)
from workers.contract.task_card import Split
from workers.contract.trial import DropMode, Method, Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState


@pytest.fixture
def workspace(toy_sweep: Callable[..., Path], tmp_path: Path) -> Path:
    """A workspace in which the adapters and baselines of two tasks are finished."""
    plan, source = plan_sweep(toy_sweep(epochs=1))
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    wanted = [
        t
        for t in plan.trials.values()
        if t.task.name in ("one", "two") and t.method is not Method.FUSION and not t.pruning
    ]
    with Catalog.open(stores.catalog_url) as catalog:
        catalog.begin_submission("toy", source.text, list(plan.trials.values()))
        list(run_bundle(wanted, stores.workspace, WarmState(torch.device("cpu"))))
        for trial in wanted:
            result = read_result(stores.workspace.trial(trial.trial_id))
            assert isinstance(result, TrialResult)
            catalog.record_result("toy", result)
    return stores.workspace.root


def adapter_curves(catalog: Catalog, **choice: Any) -> list[DropPanel]:
    every = choice.pop("every", False)
    return adapter_panels(read_results(catalog, **choice), every=every)


def by_mode(panel: DropPanel) -> dict[DropMode, Line]:
    """The lines of a panel, of which each way of dropping has one."""
    assert len({c.line.mode for c in panel.curves}) == len(panel.curves)
    return {c.line.mode: c.line for c in panel.curves}


def scores(line: Line) -> dict[int, list[float]]:
    """Depth → the scores of all seeds, by their size."""
    return {depth: sorted(seeds.values()) for depth, seeds in line.scores.items()}


def labels(panel: DropPanel) -> list[str]:
    """What the legend or the note of a panel says of its lines, in their order."""
    return [c.label for c in (*panel.curves, *panel.baselines)] + [k.shown for k in panel.levels]


def test_curves_hold_every_depth_that_was_measured(workspace: Path) -> None:
    with Catalog.open(Stores.at(workspace).catalog_url) as catalog:
        panels = adapter_curves(catalog, sweep="toy")
        best = {r.task: r for r in catalog.trials(sort="-score") if r.method is Method.HEAD_ONLY}
    assert [p.panel.title for p in panels] == ["one", "two"]
    for each in panels:
        curves = by_mode(each)
        assert set(curves[DropMode.NONE].scores) == {0, 1, 2}
        assert set(curves[DropMode.ROBUST].scores) == {0, 1, 2}
        assert set(curves[DropMode.SPECIALISED].scores) == {1, 2}
        head_only = next(c for c in each.baselines if c.line.method is Method.HEAD_ONLY)
        assert scores(head_only.line) == {0: [best[each.panel.key.task].score]}
        assert each.panel.majority == each.levels[Look.MAJORITY] == 0.5


def test_the_picture_has_a_line_for_each_way_of_dropping(workspace: Path) -> None:
    with Catalog.open(Stores.at(workspace).catalog_url) as catalog:
        panels = adapter_curves(catalog, sweep="toy")
        spec = FIGURES["drop_curves"].draw(read_results(catalog, "toy"))
    # The sweep has standard adapters in several shapes; which one is drawn is said.
    assert labels(panels[0])[0].startswith("standard · placement ")
    expected = ["specialised", "robust", "full fine-tuning", "head only", "majority"]
    assert labels(panels[0])[1:] == expected
    assert isinstance(spec, dict)
    drawn = {row["look"] for row in spec["concat"][0]["data"]["values"]}
    assert drawn == {"standard", *expected}
    assert " ".join(spec["concat"][0]["title"]["subtitle"]) == labels(panels[0])[0]


MIXED = """\
name: mixed
base_models:
  small: {{ source: "folder:{small}" }}
  large: {{ source: "folder:{large}" }}
tasks: {{ one: {{ folder: "{task}" }} }}
seeds: [0, 1]
adapter: {{ bottleneck_size: 4 }}
drop: {{ mode: [none, specialised], depth: [1, 2] }}
training: {{ learning_rate: [1e-3, 1e-1], epochs: 1, batch_size: 8, max_length: 16 }}
"""


def made_up(trial: Trial, score: float) -> TrialResult:
    """A result that loses a hundredth for each dropped layer."""
    depths = range(3) if trial.drop.mode is DropMode.NONE else [trial.drop.depth]
    return TrialResult(
        trial_id=trial.trial_id,
        metric="accuracy",
        score=score - trial.drop.depth / 100,
        depth=trial.drop.depth,
        scores=tuple(
            Score(split=Split.VALIDATION, depth=d, rows=9, metrics={"accuracy": score - d / 100})
            for d in depths
        ),
        majority=0.5,
        selection=SelectionRecord(
            checkpoint="", selected_on=Split.VALIDATION, reported_on=(), validation_from_train=False
        ),
        parameters=ParameterCounts(trained=1, stored=1, adapter=1),
        duration_s=1.0,
        finished_at_unix_ms=0,
        environment={},
    )


@pytest.fixture
def mixed(tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]) -> Iterator[Catalog]:
    """Two bases and two learning rates; on `large` a seed of the better rate has diverged."""
    large = shutil.copytree(toy_base, tmp_path / "large")
    config = json.loads((large / "config.json").read_text())
    (large / "config.json").write_text(json.dumps(config | {"num_attention_heads": 2}))
    path = tmp_path / "mixed.yaml"
    path.write_text(MIXED.format(small=toy_base, large=large, task=make_task("one")))
    plan, source = plan_sweep(path)
    stores = Stores.at(tmp_path / "mixed")
    stores.prepare()
    with Catalog.open(stores.catalog_url) as catalog:
        catalog.begin_submission("mixed", source.text, list(plan.trials.values()))
        for trial in plan.trials.values():
            slow, is_large = trial.training.learning_rate == 1e-3, trial.base.name == "large"
            if slow and is_large and trial.seed == 1:
                continue
            score = (0.9 if is_large else 0.6) - (0 if slow else 0.2) + trial.seed / 50
            catalog.record_result("mixed", made_up(trial, score))
        yield catalog


def test_nothing_but_seeds_is_averaged(mixed: Catalog) -> None:
    large, small = adapter_curves(mixed, sweep="mixed")
    assert (large.panel.title, small.panel.title) == ("one · large", "one · small")
    curve = by_mode(small)[DropMode.NONE]
    assert small.curves[0].words == "learning rate 0.001"
    assert scores(curve) == {d: pytest.approx([0.6 - d / 100, 0.62 - d / 100]) for d in range(3)}
    specialised = by_mode(small)[DropMode.SPECIALISED]
    assert scores(specialised) == {
        d: pytest.approx([0.6 - d / 100, 0.62 - d / 100]) for d in (1, 2)
    }
    # The better rate misses a seed, so the other one is drawn.
    assert large.curves[0].words == "learning rate 0.1"
    assert scores(by_mode(large)[DropMode.NONE])[0] == pytest.approx([0.7, 0.72])


def test_every_configuration_or_some_are_drawn_on_request(mixed: Catalog) -> None:
    large, _ = adapter_curves(mixed, sweep="mixed", every=True)
    assert labels(large) == [
        "standard · learning rate 0.1",
        "standard · learning rate 0.001 · 1 of 2 trials",
        "specialised · learning rate 0.1",
        "specialised · learning rate 0.001 · 2 of 4 trials",
        "majority",
    ]
    chosen = Condition.model_validate({"learning_rate": 1e-3, "base_model": "large"})
    (panel,) = adapter_curves(mixed, sweep="mixed", where=chosen)
    assert scores(by_mode(panel)[DropMode.NONE])[0] == pytest.approx([0.9])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "x.xyz"], ".png"),
        (["--to", "x"], ".svg"),
        (["--to", "no/such/folder/x.png"], "there is no folder"),
        (["--to", "x.png", "--where", "beauty=1"], "learning_rate"),
        (["--to", "x.png", "--where", "seed"], "AXIS=VALUE"),
        (["--to", "x.png", "--where", "seed=["], "is no value"),
        (["--to", "x.png", "--where", "learning_rate=fast"], "fast"),
        (["--to", "x.png", "--where", "learning_rate=7"], "that meet --where"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_any_work(
    mixed: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["drop_curves", "--workspace", str(tmp_path / "mixed"), "--sweep", "mixed"]
    assert figure(monkeypatch, *options, *arguments) == 2
    assert said in capsys.readouterr().err
    wanted = ["--to", "x.svg", "--where", "learning_rate=1e-3", "--all"]
    assert figure(monkeypatch, *options, *wanted) == 0


def figure(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run `adaptersweep figure` and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["adaptersweep", "figure", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("ending", "begins"),
    [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF"), ("json", b"{"), ("html", b"<!DOC")],
)
def test_the_command_writes_a_picture(
    mixed: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, begins: bytes
) -> None:
    target = tmp_path / f"curves.{ending}"
    options = ["--workspace", str(tmp_path / "mixed"), "--sweep", "mixed", "--to", str(target)]
    assert figure(monkeypatch, "drop_curves", *options) == 0
    assert target.read_bytes().startswith(begins)


def test_what_is_missing_is_said(
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = str(tmp_path / "curves.png")

    def answer(name: str, *words: str) -> str:
        assert figure(monkeypatch, name, *words) == 2
        return capsys.readouterr().err

    toy = ("--sweep", "toy", "--to", target)
    assert "submit a sweep first" in answer("drop_curves", "-w", str(tmp_path / "no"), *toy)
    here = ("-w", str(workspace))
    assert "none" in answer("drop_curves", *here, "--sweep", "none", "--to", target)
    assert "drop_curves" in answer("dropcurves", *here, *toy)
    assert "--to drop_curves.svg" in answer("drop_curves", *here, "--sweep", "toy")
    assert "no fusion is finished" in answer("fusion_drop", *here, *toy)
    with Catalog.open(Stores.at(tmp_path / "empty").catalog_url) as catalog:
        plan, _ = plan_sweep(tmp_path / "sweep.yaml")
        catalog.begin_submission("toy", "", list(plan.trials.values()))
    unfinished = answer("drop_curves", "-w", str(tmp_path / "empty"), *toy)
    assert "no trial is finished yet" in unfinished


def test_figures_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert figure(monkeypatch) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in FIGURES)
