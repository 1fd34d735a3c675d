"""A new setting is one field: sweeps, conditions, labels, tables and the documentation find it.

The sources are copied with one field more in each class of settings, and planned in a process of
their own. What a setting does is left to whoever adds one.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchestrator.planning.planner import make_plan
from orchestrator.planning.resolve import pin
from orchestrator.spec.read import read_spec

ROOT = Path(__file__).parents[2]
CONFIGURATION = "adapter_lib/config/configuration.py"
TRIAL = "workers/contract/trial.py"
SWEEP = """\
name: new
base_models:
  small: { source: "hub:a/b", revision: "0000000000000000000000000000000000000000", layers: 4,
           hidden_size: 64 }
tasks: { rte: { hub: glue/rte }, cola: { hub: glue/cola } }
"""
FUSED = f"{SWEEP}fusion: [{{ targets: rte, pruning: {{ keep: 1 }} }}]\n"


class New(NamedTuple):
    """A field to add.

    Attributes:
        before: the field in whose front it is put.
        line: its declaration, with a default.
        keys: where it stands in the YAML.
        values: its default, another value, and one that is wrong, in the words of the YAML.
        problem: what is said of the wrong one.
        axis: its name in conditions and tables.
        said: how the other value is said.
    """

    file: str
    before: str
    line: str
    keys: str
    values: tuple[str, str, str]
    problem: str
    axis: str
    said: str


SETTINGS = [
    New(
        CONFIGURATION,
        "arrangement: Annotated",
        'gate: Annotated[Fraction, Said("gated at {}")] = 0.25',
        "adapter.gate",
        ("0.25", "0.5", "1"),
        "expected less than 1, found `1`",
        "gate",
        "gated at 0.5",
    ),
    New(
        CONFIGURATION,
        "query_before_norm: bool",
        "heads: Count = 1",
        "fusion.config.heads",
        ("1", "4", "0"),
        "expected 1 or more, found `0`",
        "fusion_heads",
        "heads 4",
    ),
    New(
        "workers/contract/head_settings.py",
        "dropout: Fraction",
        "normed: bool = False",
        "head.normed",
        ("false", "true", "maybe"),
        "expected true or false, found `maybe`",
        "head_normed",
        "head normed",
    ),
    New(
        TRIAL,
        "cache_dtype: CacheDtype",
        "momentum: Fraction | None = None",
        "training.momentum",
        ("null", "0.9", "[0.9, many]"),
        "expected a number, found `many`",
        "momentum",
        "momentum 0.9",
    ),
    New(
        TRIAL,
        "measure: MeasuredDepths",
        "growth: Positive = 1.0",
        "drop.growth",
        ("1.0", "2.0", "-1"),
        "expected more than 0, found `-1`",
        "drop_growth",
        "growth 2",
    ),
    New(
        TRIAL,
        "order: Annotated",
        "rounds: Count = 1",
        "fusion.pruning.rounds",
        ("1", "3", "true"),
        "expected a number, found true",
        "pruning_rounds",
        "rounds 3",
    ),
]

PROBE = """\
import json, sys
from pathlib import Path
from orchestrator.commands.browsing import LEADERBOARD_COLUMNS, TRIAL_COLUMNS
from orchestrator.errors import SpecError
from orchestrator.mlflow.run_content import parameters
from orchestrator.planning.planner import make_plan
from orchestrator.planning.resolve import pin
from orchestrator.planning.settings import Labels
from orchestrator.spec.read import read_spec
from tests.setting_tables import PAGE, tables, with_tables

def planned(text):
    path = Path("sweep.yaml")
    path.write_text(text, encoding="utf-8")
    try:
        spec, source = read_spec(path)
        trials = make_plan(spec, source, pin(spec, source)).trials
    except SpecError as error:
        return str(error)
    labels = Labels(trials)
    return {
        trial_id: [labels.of(trial_id), parameters(trial, trials)]
        for trial_id, trial in trials.items()
    }

found = {name: planned(text) for name, text in json.load(sys.stdin).items()}
page = PAGE.read_text(encoding="utf-8")
print(json.dumps({
    "plans": found,
    "columns": [TRIAL_COLUMNS, LEADERBOARD_COLUMNS],
    "up to date": page == with_tables(page),
    "tables": "".join(tables().values()),
}))
"""


def sweep_with(new: New, value: str) -> str:
    """Return a sweep with a value of a setting."""
    section, *_, key = new.keys.split(".")
    if section != "fusion":
        return f"{SWEEP}{section}: {{ {key}: {value} }}\n"
    if new.keys == f"fusion.pruning.{key}":
        return FUSED.replace("keep: 1", f"keep: 1, {key}: {value}")
    return FUSED.replace("targets: rte", f"targets: rte, config: {{ {key}: {value} }}")


def sweeps_of(new: New) -> dict[str, str]:
    usual, other, wrong = new.values
    both = sweep_with(new, f"[{usual}, {other}]")
    return {
        "both": both,
        "usual": sweep_with(new, usual),
        "wrong": sweep_with(new, wrong),
        "excluded": f"{both}exclude: [{{ {new.axis}: {other} }}]\n",
        "selected": f"{both}select: {{ where: {{ {new.axis}: {other} }} }}\n",
        "never": f"{both}select: {{ where: {{ {new.axis}: {wrong} }} }}\n",
    }


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Copy the sources with all the new fields, and plan each sweep of each of them there."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ("adapter_lib", "workers", "orchestrator", "docs"):
        shutil.copytree(ROOT / package, folder / package)
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests/setting_tables.py", folder / "tests")
    for new in SETTINGS:
        path = folder / new.file
        text, before = path.read_text(encoding="utf-8"), f"    {new.before}"
        assert text.count(before) == 1
        field = f'    {new.line}\n    """What the new {new.axis} means."""\n'
        path.write_text(text.replace(before, field + before), encoding="utf-8")
    texts = {"plain": SWEEP, "fused": FUSED}
    for new in SETTINGS:
        texts |= {f"{new.axis} {name}": text for name, text in sweeps_of(new).items()}
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(params=SETTINGS, ids=lambda new: new.keys)
def new(request: pytest.FixtureRequest) -> New:
    setting: New = request.param
    return setting


@pytest.mark.parametrize(("name", "text"), [("plain", SWEEP), ("fused", FUSED)])
def test_no_trial_is_renamed(probed: dict[str, Any], tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    spec, source = read_spec(path)
    assert list(probed["plans"][name]) == list(make_plan(spec, source, pin(spec, source)).trials)


def test_a_new_setting_is_an_axis_of_the_yaml(probed: dict[str, Any], new: New) -> None:
    plans = probed["plans"]
    usual, both = plans[f"{new.axis} usual"], plans[f"{new.axis} both"]
    assert set(usual) == set(plans["fused" if new.keys.startswith("fusion.") else "plain"])
    assert set(usual) < set(both)
    wrong, lines = plans[f"{new.axis} wrong"], SWEEP.count("\n") + 1
    assert wrong.startswith(f"sweep.yaml:{lines}: {new.keys.replace('fusion.', 'fusion[0].')}")
    assert wrong.endswith(new.problem)


def test_a_new_setting_is_a_condition(probed: dict[str, Any], new: New) -> None:
    plans = probed["plans"]
    both, excluded = plans[f"{new.axis} both"], plans[f"{new.axis} excluded"]
    assert set(excluded) == set(plans[f"{new.axis} usual"])
    assert plans[f"{new.axis} selected"] == both
    assert f"select.where.{new.axis}" in plans[f"{new.axis} never"]


def test_a_new_setting_is_said_in_labels_and_tables(probed: dict[str, Any], new: New) -> None:
    both, usual = (probed["plans"][f"{new.axis} {name}"] for name in ("both", "usual"))
    others = {trial_id: row for trial_id, row in both.items() if trial_id not in usual}
    own = [row for row in others.values() if new.axis in row[1]]
    assert own
    for label, parameters in own:
        assert f"{new.said} ·" in label
        assert parameters[new.axis] == new.values[1].capitalize()
    assert len({label for label, _ in both.values()}) == len(both)
    assert all(new.axis in columns for columns in probed["columns"])


def test_a_new_setting_has_to_be_documented(probed: dict[str, Any], new: New) -> None:
    assert not probed["up to date"]
    key = new.keys.removeprefix("fusion.").partition(".")[2]
    row = next(r for r in probed["tables"].splitlines() if f"the new {new.axis} means" in r)
    assert row.startswith(f"| `{key}`" if "fusion" not in new.keys else f"| `{new.keys[7:]}`")
    assert f"| `{new.values[0]}` |" in row
    assert f"`{new.axis}`" in probed["tables"].partition("- of the trial")[2]
