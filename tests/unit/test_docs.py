"""The documentation cannot lie: links lead somewhere, commands exist, every key is explained."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel

from orchestrator.command_line import app
from orchestrator.spec.axes import (
    AdapterAxes,
    Condition,
    DropAxes,
    FusionAxes,
    HeadAxes,
    PruningAxes,
    TrainingAxes,
)
from orchestrator.spec.blocks import FusionGrid, SourceSelection, TrialGrid
from orchestrator.spec.model import (
    BaseModelSpec,
    FastPathSpec,
    LimitsSpec,
    PretrainingSpec,
    Resources,
    SelectRule,
    SweepSpec,
    TaskSpec,
    WorkerKind,
)
from orchestrator.spec.read import read_spec
from tests import gpu_sizes
from tests.setting_tables import PAGE, with_tables
from workers.contract.trial import Training
from workers.tasks.hub import GLUE_TASKS
from workers.tasks.quickstart.tasks import builtin_card

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "docker/*.md", "sweeps/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
COMMANDS: dict[str, Any] = dict(typer.main.get_group(app).commands)

MODELS: dict[str, type[BaseModel]] = {
    "Top": SweepSpec,
    "base_models": BaseModelSpec,
    "tasks": TaskSpec,
    "adapter": AdapterAxes,
    "drop": DropAxes,
    "head": HeadAxes,
    "training": TrainingAxes,
    "pretraining": PretrainingSpec,
    "trials": TrialGrid,
    "fusion": FusionGrid,
    "resources": Resources,
    "limits": LimitsSpec,
    "fast_path": FastPathSpec,
    "select": SelectRule,
}
"""Heading in docs/sweep-yaml.md → what it documents."""


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path, *languages: str) -> Iterator[str]:
    for language, content in re.findall(
        r"^```(\w*)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        if language in languages:
            yield content


def prose(path: Path) -> str:
    """Return a page without its code blocks."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def section(path: Path, heading: str) -> str:
    text = path.read_text(encoding="utf-8")
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, f"{page_name(path)} has no heading {heading}"
    return found[1]


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def table_rows(text: str) -> dict[str, list[str]]:
    """Return the rows of a section's tables: first cell, without backticks → the other cells."""
    rows = {}
    for line in re.findall(r"^\| `.*\|$", text, re.MULTILINE):
        first, *others = [cell.strip() for cell in line.strip("|").split(" | ")]
        rows[first.strip("` ")] = [cell.strip("| ") for cell in others]
    return rows


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, anchor = target.partition("#")
        path = (page.parent / place).resolve() if place else page
        assert path.exists(), f"{page_name(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(path), f"{page_name(page)}: no heading for {target}"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_files_that_are_named_are_there(page: Path) -> None:
    named = (
        r"`((?:adapter_lib|workers|orchestrator|tests|sweeps|docker)/[\w./]*|docs/[\w./-]+\.md)`"
    )
    for place in re.findall(named, prose(page)):
        assert (ROOT / place).exists(), f"{page_name(page)} names {place}, which is not there"


def shown_commands(page: Path) -> Iterator[list[str]]:
    for block in blocks(page, "sh", "bash", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] == ["adaptersweep"]:
                ends = [i for i, word in enumerate(words) if word in ("<", ">", "|", "&&", ";")]
                yield words[1 : ends[0] if ends else None]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_that_are_shown_can_be_called(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"  # with the profile that the guide shows
    config.write_text("".join(blocks(DOCS / "run-on-a-cluster.md", "toml")), encoding="utf-8")
    monkeypatch.setenv("ADAPTERSWEEP_CONFIG", str(config))
    for words in shown_commands(page):
        if words in ([], ["--help"], ["-h"]):
            continue
        assert words[0] in COMMANDS, f"{page_name(page)}: no command {words[0]}"
        try:
            COMMANDS[words[0]].make_context(words[0], words[1:])
        except typer.TyperException as error:
            pytest.fail(f"{page_name(page)}: adaptersweep {shlex.join(words)}: {error}")


def test_examples_of_every_command_are_shown() -> None:
    shown = {words[0] for page in PAGES for words in shown_commands(page) if words}
    assert shown >= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_in_the_text_exist(page: Path) -> None:
    for command in re.findall(r"`adaptersweep ([a-z][\w-]*)", prose(page)):
        assert command in COMMANDS, f"{page_name(page)}: no command {command}"


COMMON = {"--workspace", "--catalog", "--tracking", "--address", "--json"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    page = DOCS / "command-line.md"
    text = section(page, name)
    spelled = set(re.findall(r"`(--[\w-]+|-\w)\b(?![\w-])", text))
    options = [p for p in COMMANDS[name].params if p.param_type_name == "option"]
    taken = {o for p in options for o in (*p.opts, *p.secondary_opts)} - {"--help", "-h"}
    common_short = {"-w"}
    assert taken - common_short <= spelled, "options that are not documented"
    assert spelled <= taken, "options that do not exist"
    introduction = page.read_text(encoding="utf-8").partition("\n## ")[0]
    assert all(f"`{option}`" in introduction for option in COMMON | common_short)


def test_environment_variables_are_documented() -> None:
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for command in COMMANDS.values():
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.envvar:
                row = next(line for line in text.splitlines() if f"`{parameter.opts[0]}`" in line)
                assert f"`{parameter.envvar}`" in row


@pytest.mark.parametrize(("heading", "model"), MODELS.items())
def test_every_key_of_the_yaml_is_documented(heading: str, model: type[BaseModel]) -> None:
    keys = {key for key in table_rows(section(DOCS / "sweep-yaml.md", heading)) if "." not in key}
    assert keys == set(model.model_fields)


def test_tables_of_settings_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "run `python -m tests.setting_tables`"


def test_the_table_of_gpus_is_what_the_code_counts() -> None:
    page = gpu_sizes.PAGE.read_text(encoding="utf-8")
    assert page == gpu_sizes.with_table(page), "run `python -m tests.gpu_sizes`"


def test_keys_of_a_kind_of_workers_are_documented() -> None:
    rows = re.findall(r"`kinds\.(\w+)`", section(DOCS / "sweep-yaml.md", "resources"))
    assert set(rows) == set(WorkerKind.model_fields)


def test_keys_inside_a_fusion_are_documented() -> None:
    rows = set(table_rows(section(DOCS / "sweep-yaml.md", "fusion")))
    assert {key for key in rows if key.startswith("sources.")} == {
        f"sources.{key}" for key in SourceSelection.model_fields
    }
    assert {key for key in rows if key.startswith("config.")} == {
        f"config.{key}" for key in FusionAxes.model_fields
    }
    assert {key for key in rows if key.startswith("pruning.")} == {
        f"pruning.{key}" for key in PruningAxes.model_fields
    }


def test_every_axis_of_a_condition_is_documented() -> None:
    text = section(DOCS / "sweep-yaml.md", "Conditions")
    assert set(Condition.model_fields) <= set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("training", Training),
        ("resources", Resources),
        ("limits", LimitsSpec),
        ("fast_path", FastPathSpec),
        ("select", SelectRule),
    ],
)
def test_defaults_are_documented_as_they_are(heading: str, model: type[BaseModel]) -> None:
    rows = table_rows(section(DOCS / "sweep-yaml.md", heading))
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            continue
        documented: Any = yaml.safe_load(rows[name][1].strip("`"))
        default = getattr(field.default, "value", field.default)
        default = list(default) if isinstance(default, tuple) else default
        assert documented == default, f"{heading}.{name}"


def test_every_choice_is_documented() -> None:
    text = (DOCS / "sweep-yaml.md").read_text(encoding="utf-8")
    for model in (AdapterAxes, DropAxes, TrainingAxes, TrialGrid, SourceSelection, SelectRule):
        for definition in model.model_json_schema().get("$defs", {}).values():
            for choice in definition.get("enum", []):
                assert f"`{choice}`" in text, choice
    for task in GLUE_TASKS:
        assert f"`glue/{task}`" in text


def test_built_in_tasks_are_documented() -> None:
    text = (DOCS / "sweep-yaml.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(docs/[a-z_]+)`", text))
    assert len(named) == 4
    for name in named:
        assert builtin_card(name).name


SWEEPS = [
    pytest.param(block, id=f"{page_name(page)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "yaml"))
    if block.startswith("name:")
]


@pytest.mark.parametrize("block", SWEEPS)
def test_sweeps_in_the_documentation_load(block: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(block, encoding="utf-8")
    assert read_spec(path)[0].name


def test_there_are_sweeps_in_the_documentation() -> None:
    assert len(SWEEPS) >= 3


def test_every_page_stands_in_the_index() -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / t).resolve() for t in re.findall(r"\]\(([^)\s]+)\)", prose(index))}
    assert {p for p in DOCS.rglob("*.md") if p != index} <= linked
