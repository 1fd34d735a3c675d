"""Sweeps from Python: the same answers and the same errors as the commands, as objects."""

import base64
import csv
import io
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import orchestrator
from dashboards.errors import DashboardError
from orchestrator import OrchestratorError, Sweeps, command_line
from orchestrator.catalog import Catalog
from orchestrator.commands import watching
from orchestrator.commands.python_api import submission as submissions
from orchestrator.commands.python_api.driver_process import Order
from orchestrator.commands.python_api.submission import Submission
from orchestrator.errors import CatalogError, CatalogMissingError, RegistryError, SpecError
from orchestrator.stores import Stores
from workers.predict import Predictor

PLACES = (
    *("ADAPTERSWEEP_WORKSPACE", "ADAPTERSWEEP_CATALOG", "ADAPTERSWEEP_CLUSTER"),
    *("ADAPTERSWEEP_CONFIG", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"),
)


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def sweeps(tmp_path: Path):
    with Sweeps(tmp_path / "workspace") as opened:
        yield opened


def test_the_door_costs_nothing_and_names_what_there_is() -> None:
    code = (
        "import sys, orchestrator; from orchestrator import Sweeps; Sweeps('w'); "
        "print([m for m in ('torch', 'ray', 'mlflow', 'pandas') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    assert set(orchestrator.__all__) <= set(dir(orchestrator))
    assert all(getattr(orchestrator, name) for name in orchestrator.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        getattr(orchestrator, "nothing")  # noqa: B009


def test_what_is_not_given_comes_from_the_environment_then_from_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[clusters.lab]\nurl = "http://head:8265"\nworkspace = "/of/profile"\n'
        'catalog = "sqlite:////of/profile.sqlite"\ntracking = "http://profile"\n'
    )
    monkeypatch.setenv("ADAPTERSWEEP_CONFIG", str(config))
    here = Sweeps().stores
    assert here.workspace.root == Path("workspace").resolve()
    assert here.catalog_url == here.workspace.catalog_url
    profile = Sweeps(cluster="lab")
    assert str(profile.stores.workspace.root) == "/of/profile"
    assert profile.stores.catalog_url == "sqlite:////of/profile.sqlite"
    monkeypatch.setenv("ADAPTERSWEEP_CLUSTER", "lab")
    monkeypatch.setenv("ADAPTERSWEEP_WORKSPACE", str(tmp_path / "of environment"))
    found = Sweeps(tracking="http://given")
    assert found.cluster == "lab"
    assert found.stores.workspace.root == tmp_path / "of environment"
    assert found.stores.tracking_uri == "http://given"
    with pytest.raises(OrchestratorError, match=r"profile in .* which has: lab; found other"):
        Sweeps(cluster="other")


def test_a_plan_is_a_table_and_writes_nothing(sweeps, toy_sweep, tmp_path) -> None:
    planned = sweeps.plan(toy_sweep())
    assert planned.to_run == len(planned.trials) == len(planned.plan.trials) > 20
    assert list(planned.trials.columns)[:3] == ["trial_id", "label", "method"]
    assert not planned.trials["reused"].any()
    assert f"{planned.to_run} trials, 0 reused" in str(planned) == repr(planned)
    assert "<pre" in planned._repr_html_()
    assert planned.sweep in planned._repr_html_()
    assert not sweeps.stores.workspace.root.exists()


def test_a_sweep_may_be_keys_and_values(sweeps, toy_sweep, monkeypatch) -> None:
    import yaml

    path = toy_sweep()
    content = yaml.safe_load(path.read_text())
    monkeypatch.chdir(path.parent)
    before = set(path.parent.iterdir())
    assert sweeps.plan(content).plan.trials.keys() == sweeps.plan(path).plan.trials.keys()
    with pytest.raises(SpecError, match="seeds"):
        sweeps.plan(content | {"seeds": "many"})
    with pytest.raises(SpecError, match="turn arrays and other objects into them"):
        sweeps.plan(content | {"seeds": np.arange(3)})
    assert set(path.parent.iterdir()) == before


def test_a_sweep_that_cannot_be_read_is_the_same_error(sweeps, tmp_path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: a\nseedz: 3\n")
    for call in (sweeps.plan, sweeps.submit):
        with pytest.raises(SpecError, match=r"wrong.yaml:2: seedz: unknown key; did you mean"):
            call(wrong)
    with pytest.raises(SpecError, match=r"missing\.yaml"):
        sweeps.submit(tmp_path / "missing.yaml")
    with pytest.raises(OrchestratorError, match=r"expected a cluster to send to"):
        sweeps.send(wrong)


def test_an_error_of_the_drivers_process_has_its_class_and_message(
    sweeps, toy_sweep, tmp_path
) -> None:
    path = toy_sweep()
    path.write_text(path.read_text().replace(str(tmp_path / "tasks"), str(tmp_path / "gone")))
    with pytest.raises(SpecError) as planned:
        sweeps.plan(path)
    with pytest.raises(SpecError) as submitted:
        sweeps.submit(path)
    assert str(submitted.value) == str(planned.value)


def test_without_a_catalog_each_question_says_so(sweeps, tmp_path) -> None:
    for ask in (sweeps.status, sweeps.best, sweeps.watch):
        with pytest.raises(CatalogMissingError):
            ask()
    with pytest.raises(OrchestratorError, match="TASK@ALIAS"):
        sweeps.load("nothing")
    assert not sweeps.stores.workspace.root.exists()


@pytest.fixture
def filled(sweeps, samples) -> Sweeps:
    """Give a catalog with two configurations of two seeds, one of them unfinished."""
    sweeps.stores.prepare()
    with Catalog.open(sweeps.stores.catalog_url) as catalog:
        trials = [samples.trial(seed=s, size=size) for s in (1, 2) for size in (8, 16)]
        catalog.begin_submission("s", "", trials)
        for number, trial in enumerate(trials[:3]):
            catalog.record_result("s", samples.result(trial, 0.5 + number / 10))
    return sweeps


def test_numbers_are_those_of_the_commands(filled, capsys, monkeypatch) -> None:
    root = str(filled.stores.workspace.root)
    arguments = ["adaptersweep", "best", "--workspace", root, "--sweep", "s", "--csv"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert not ended.value.code
    printed = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    table = filled.best("s")
    assert len(printed) == len(table) == 2
    for row, own in zip(printed, table.to_dict("records"), strict=True):
        assert (row["label"], row["configuration"]) == (own["label"], own["configuration"])
        for name in ("mean", "std", "best_score", "test_mean"):
            assert float(row[name] or "nan") == pytest.approx(own[name], nan_ok=True)
    assert len(filled.best("s", limit=1)) == 1
    status = filled.status().iloc[0]
    assert (status["sweep"], status["trials"], status["finished"]) == ("s", 4, 3)
    with pytest.raises(CatalogError, match="has no sweep 'other'"):
        filled.best("other")


def test_an_adapter_is_loaded_by_its_name_in_one_call(filled, toy_base, tmp_path) -> None:
    from tests.unit.orchestrator.toy_adapters import save_toy_adapter
    from workers.contract.task_card import TaskKind

    folder = save_toy_adapter(tmp_path / "adapter", TaskKind.CLASSIFICATION, toy_base)
    model = filled.load(str(folder), base_folder=toy_base)
    assert isinstance(model, Predictor)
    assert model.predict(["good film"])[0].label in ("bad", "good", "of the plot")


def test_a_name_that_the_registry_does_not_have_is_refused(sweeps, empty_mlflow) -> None:
    opened = Sweeps(tracking=f"sqlite:///{empty_mlflow}")
    with pytest.raises(RegistryError, match="no adapter of rte is registered"):
        opened.load("rte@champion")


def test_the_catalog_is_opened_once_and_again_after_closing(filled) -> None:
    first = filled.open_catalog()
    assert filled.open_catalog() is first
    filled.close()
    filled.close()
    assert filled.open_catalog() is not first


class Cell:
    """What IPython's `display` gives of an output that can be changed."""

    def __init__(self, html: str) -> None:
        self.pages = [html]

    def update(self, page: Any) -> None:
        self.pages.append(page.html)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    """Be in a notebook, as far as this process can see; return the outputs of its cell."""
    cells: list[Cell] = []

    class HTML:
        def __init__(self, html: str) -> None:
            self.html = html

    def display(page: HTML, *, display_id: bool) -> Cell:
        assert display_id
        cells.append(Cell(page.html))
        return cells[-1]

    shell, shown = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    shell.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    shown.HTML, shown.display = HTML, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    monkeypatch.setattr(watching, "EVERY_S", 0.0)
    return cells


def test_in_a_notebook_one_cell_is_redrawn_until_the_end(notebook, capsys) -> None:
    pages, ends = iter(range(1, 9)), iter((False, False, True))
    watching.follow(lambda out: out.print(f"<b> {next(pages)}"), lambda: next(ends))
    (cell,) = notebook
    assert len(cell.pages) == 4
    assert "&lt;b&gt; 4" in cell.pages[-1]
    assert capsys.readouterr().out == ""


def test_elsewhere_it_is_printed_when_it_changes_and_ends(monkeypatch, capsys) -> None:
    monkeypatch.setattr(watching, "EVERY_S", 0.0)
    pages, ends = iter("aab"), iter((False, False, True))
    watching.follow(lambda out: out.print(next(pages)), lambda: next(ends))
    said = capsys.readouterr().out
    assert (said.count("a\n"), said.count("b\n")) == (1, 1)


STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.stdin.read(); print("half", flush=True); sys.stderr.write("deaf\\n"); sys.stderr.flush()
time.sleep(60)
"""
OBEDIENT = """
import json, signal, sys, time
sys.stdin.read(); sys.stderr.write("running trials\\n"); sys.stderr.flush()
try:
    time.sleep(60)
except KeyboardInterrupt:
    print(json.dumps({"sweep": "s", "trials": 2, "reused": 0, "trained": 1, "by_others": 0,
        "failed": [], "blocked": [], "interrupted": True, "stopped": None, "unregistered": [],
        "unpublished": 0, "registered": [], "stayed": [], "warnings": [], "of_later": 1}))
    sys.exit(130)
"""


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Start a submission whose process runs other code."""
    begun: list[subprocess.Popen[bytes]] = []
    ended: list[bool] = []

    def start(code: str) -> tuple[Submission, list[bool]]:
        real = subprocess.Popen

        def popen(_command: Any, **more: Any) -> Any:
            begun.append(real([sys.executable, "-c", code], **more))
            return begun[-1]

        order = Order(
            sweep="s.yaml",
            workspace=str(tmp_path),
            catalog=None,
            tracking=None,
            address=None,
            retrain_missing=False,
            force=False,
        )
        missing = Stores.at(tmp_path / "none").catalog_url
        with monkeypatch.context() as patch:
            patch.setattr(submissions.subprocess, "Popen", popen)
            made = Submission(
                "s", order, lambda: Catalog.open(missing, create=False), lambda: ended.append(True)
            )
        return made, ended

    yield start
    for process in begun:
        process.kill()
        process.wait()


def until(holds: Callable[[], bool], limit_s: float, what: str) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {limit_s} s in vain until {what}"
        time.sleep(0.05)


def said_by(submission: Submission) -> str:
    page = Console(file=io.StringIO(), width=100)
    with page.capture() as capture:
        submission._draw(page)
    return capture.get()


def test_ctrl_c_ends_a_submission_that_is_followed(submitted, monkeypatch) -> None:
    submission, ended = submitted(OBEDIENT)
    until(lambda: "running trials" in said_by(submission), 20, "it says what it does")
    assert "nothing is recorded yet" in said_by(submission)
    assert "running trials" in submission._repr_html_()
    assert submission.outcome is None

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(submissions, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        submission.follow()
    assert ended == [True]
    outcome = submission.outcome
    assert outcome is not None
    assert (outcome.interrupted, outcome.complete, outcome.trained) == (True, False, 1)
    assert submission.wait() == outcome


def test_who_does_not_end_in_time_is_killed(submitted, monkeypatch) -> None:
    submission, _ = submitted(STUBBORN)
    until(lambda: "deaf" in said_by(submission), 20, "it runs")
    monkeypatch.setattr(submissions, "END_LIMIT_S", 0.1)
    monkeypatch.setattr(submissions, "_GRACE_S", 0.1)
    submission.interrupt()
    with pytest.raises(OrchestratorError, match=r"ended with -9; finished trials are kept.*deaf"):
        submission.wait()


def test_a_process_that_was_killed_is_an_error_that_says_what_it_said(submitted) -> None:
    submission, _ = submitted(OBEDIENT)
    until(lambda: "running trials" in said_by(submission), 20, "it runs")
    os.kill(submission.pid, signal.SIGKILL)
    with pytest.raises(OrchestratorError, match=r"its driver ended with -9.*It said: running"):
        submission.wait()


def test_results_are_tables_and_what_does_not_meet_a_condition_is_left_out(filled) -> None:
    trials = filled.trials("s")
    assert sorted(trials["state"]) == ["finished", "finished", "finished", "pending"]
    assert trials["trial_id"].is_unique
    rows = {r.trial_id: r.score for r in filled.open_catalog().trials(limit=None)}
    found = dict(zip(trials["trial_id"], trials["score"], strict=True))
    assert {k: v for k, v in found.items() if v == v} == {k: v for k, v in rows.items() if v}
    scores = filled.scores("s")
    assert len(scores) == 3 * (3 + 1)  # three depths of validation, one of test
    assert {"trial_id", "split", "depth", "score", "bottleneck_size", "seed"} <= set(scores.columns)
    some = filled.trials("s", where={"bottleneck_size": 8})
    assert set(some["bottleneck_size"]) == {8}
    assert 0 < len(some) < len(trials)
    with pytest.raises(OrchestratorError, match=r"where: bottleneck: .*expected axes of"):
        filled.trials("s", where={"bottleneck": 8})


def test_a_figure_is_shown_by_a_notebook_and_saved(filled, tmp_path) -> None:
    names = set(filled.figures()["name"])
    assert {"drop_curves", "seeds"} <= names
    picture = filled.figure("seeds", "s")
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert picture.title in bundle["text/plain"] == repr(picture)
    assert picture.save(tmp_path / "seeds.svg").read_text() == picture.svg
    with pytest.raises(DashboardError, match=r"ends with one of .svg"):
        picture.save(tmp_path / "seeds.gif")
    with pytest.raises(DashboardError, match=r"expected one of .*found 'seed'"):
        filled.figure("seed", "s")
    with pytest.raises(DashboardError, match="pruning: nothing to draw: "):
        filled.figure("pruning", "s")
