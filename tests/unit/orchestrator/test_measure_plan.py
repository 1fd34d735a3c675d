"""From the YAML of `measure` to cells in turns; what is wrong is named with its place."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from orchestrator.errors import SpecError
from orchestrator.planning.measure_plan import MeasurePlan, plan_measurement
from orchestrator.spec.measure_model import Against, BaseSizes, MeasureBlock, MeasureSpec
from orchestrator.spec.read import read_as
from workers.contract.measurement import ROBUST, Action, Clock, FusionForm
from workers.contract.trial import Method, Precision

ROOT = Path(__file__).parents[3]
TOP = "name: m\nbase: {layers: 4, hidden_size: 64}\n"


def planned(tmp_path: Path, text: str) -> MeasurePlan:
    path = tmp_path / "m.yaml"
    path.write_text(text, encoding="utf-8")
    return plan_measurement(*read_as(MeasureSpec, path))


def test_a_cell_takes_turns_with_what_it_is_compared_with(tmp_path: Path) -> None:
    plan = planned(tmp_path, TOP + "measure: [{placement: [pfeiffer, houlsby], length: [8, 16]}]")
    assert len(plan.groups) == 4  # two actions × two lengths
    for group in plan.groups:
        assert {c.method for c in group.cells} == {Method.ADAPTER, Method.FULL_FINE_TUNING}
        assert len(group.cells) == 3
        assert len({(c.action, c.length) for c in group.cells}) == 1
    for comparison in plan.comparisons:
        cells = plan.groups[comparison.group].cells
        assert comparison.cell in cells
        assert set(comparison.against.values()) <= set(cells)
        assert comparison.against[Against.FULL_FINE_TUNING].method is Method.FULL_FINE_TUNING


def test_dropped_layers_are_compared_with_the_same_without(tmp_path: Path) -> None:
    block = "{action: infer, tasks: [2, 3], drop_depth: [0, 2], against: [no_drop, one_by_one]}"
    plan = planned(tmp_path, f"{TOP}measure: [{block}]")
    assert len(plan.groups) == 2  # each number of tasks on its own
    for comparison in plan.comparisons:
        cell, against = comparison.cell, comparison.against
        assert (Against.NO_DROP in against) == (cell.drop_depth != 0)  # never with itself
        assert against[Against.ONE_BY_ONE].tasks == cell.tasks
        assert against[Against.ONE_BY_ONE].one_by_one
        for other in against.values():
            assert other.drop_depth == 0


def test_depths_forms_and_prefixes_make_a_grid(tmp_path: Path) -> None:
    blocks = (
        "{action: train, drop_depth: [all, robust], prefix: computed, against: no_drop}",
        "{action: train, drop_depth: [1, 2], prefix: [computed, stored], against: no_drop}",
        "{method: fusion, action: infer, adapters: [2, 8], against: [full_fine_tuning, adapter]}",
    )
    plan = planned(tmp_path, f"{TOP}measure: [{', '.join(blocks)}]")
    by_block = [[c for c in plan.comparisons if c.block == n] for n in range(3)]
    assert [c.cell.drop_depth for c in by_block[0]] == [0, 1, 2, 3, ROBUST]
    assert [(c.cell.drop_depth, c.cell.stored_prefix) for c in by_block[1]] == [
        (1, False),
        (1, True),
        (2, False),
        (2, True),
    ]
    assert not any(c.against[Against.NO_DROP].stored_prefix for c in by_block[1])
    assert {(c.cell.adapters, c.cell.form) for c in by_block[2]} == {
        (n, form) for n in (2, 8) for form in FusionForm
    }


def test_groups_that_are_the_same_are_measured_once(tmp_path: Path) -> None:
    plan = planned(tmp_path, f"{TOP}measure: [{{title: a}}, {{title: b}}]")
    assert len(plan.groups) == len(Action)
    assert len(plan.comparisons) == 2 * len(Action)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", Clock.CPU),
        ("threads: 2\n", Clock.WALL),
        ("device: cuda:1\n", Clock.WALL),
        ("clock: wall\n", Clock.WALL),
        ("device: cuda\nclock: cpu\n", Clock.CPU),
    ],
)
def test_a_processor_with_one_thread_is_judged_by_its_own_time(
    more: str, expected: Clock, tmp_path: Path
) -> None:
    plan = planned(tmp_path, f"{TOP}{more}measure: [{{}}]")
    assert {plan.clock(group) for group in plan.groups} == {expected}


def test_a_base_may_be_that_of_a_folder(toy_base: Path, tmp_path: Path) -> None:
    plan = planned(
        tmp_path, f'name: m\nbase: {{source: "folder:{toy_base}"}}\nmeasure: [{{length: 8}}]'
    )
    base = plan.groups[0].conditions.base
    assert (base.layers, base.hidden_size, base.config["vocab_size"]) == (3, 32, 27)
    assert planned(tmp_path, TOP + "precision: auto\nmeasure: [{}]").groups[
        0
    ].conditions.precision in set(Precision)


WRONG = {
    "measure: []": r"m.yaml:3: measure: expected at least one value",
    "measure: [{depth: 3}]": r"m.yaml:3: measure\[0\].depth: unknown key; .*known here: title,",
    "measure: [{drop_depth: 4}]": r"m.yaml:3: measure\[0\].drop_depth: expected 0…3 .*found 4",
    "measure: [{length: 513}]": r"m.yaml:3: measure\[0\].length: expected at most 512 .*found 513",
    "measure: [{adapters: 2}]": r"`adapters` says how many a fusion joins",
    "measure: [{method: fusion}]": r"`adapters` says how many a fusion joins",
    "measure: [{method: fusion, adapters: 1}]": r"\[0\].adapters: expected 2 or more, found `1`",
    "measure: [{tasks: 2}]": r"several `tasks` at once are `method: adapter` with `action: infer`",
    "measure: [{prefix: stored}]": r"`prefix: stored` is of `action: train` alone",
    "measure: [{form: folded}]": r"`form` is of fusions alone",
    "measure: [{against: one_by_one}]": r"`against: one_by_one` needs several `tasks`",
    "measure: [{method: head_only}]": r"expected one of full_fine_tuning, adapter, fusion, found",
    "device: tpu\nmeasure: [{}]": r"m.yaml:3: device.*expected `cpu`, `cuda` or `cuda:N`",
    "rounds: 0\nmeasure: [{}]": r"m.yaml:3: rounds: expected 1 or more",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_its_place(text: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=WRONG[text]):
        planned(tmp_path, TOP + text)


@pytest.mark.parametrize(
    ("base", "problem"),
    [
        ("{layers: 3}", "expected `layers` and `hidden_size`, or a `source`"),
        ("{layers: 3, source: 'folder:x'}", "expected sizes or a `source`"),
        ("{layers: 3, hidden_size: 30, heads: 4}", "a number of `heads` that divides"),
        ("{layers: 1000000000, hidden_size: 64}", r"num_hidden_layers to be 0…"),
        ("{source: 'folder:nowhere'}", r"m.yaml:2: base.source: .*nowhere"),
        ("{source: 'package:no-such-package'}", "expected an installed distribution"),
        ("{source: 'hub:a/b'}", "expected `folder:PATH` or `package:DISTRIBUTION`"),
    ],
)
def test_a_base_that_cannot_be_is_refused(base: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=problem):
        planned(tmp_path, f"name: m\nbase: {base}\nmeasure: [{{}}]")


def test_an_architecture_that_nobody_describes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"model_type": "t5", "num_hidden_layers": 2, "hidden_size": 8}'
    )
    with pytest.raises(SpecError, match=r"expected a base model of type albert.*found 't5'"):
        planned(tmp_path, "name: m\nbase: {source: 'folder:.'}\nmeasure: [{}]")


PUBLISHED = sorted((ROOT / "sweeps" / "papers").rglob("efficiency.yaml"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda p: str(p.relative_to(ROOT)))
def test_published_measurements_plan_what_the_tables_have(path: Path) -> None:
    plan = plan_measurement(*read_as(MeasureSpec, path))
    cells = [c.cell for c in plan.comparisons]
    assert {c.adapters for c in cells if c.method is Method.FUSION} == {2, 8, 16}
    assert {c.tasks for c in cells} == {1, 2, 4, 8, 16}
    assert {c.placement.value for c in cells} >= {"pfeiffer", "houlsby"}
    assert ROBUST in {c.drop_depth for c in cells}
    assert len(PUBLISHED) == 2


@pytest.mark.parametrize(
    ("heading", "model"),
    [("Top", MeasureSpec), ("base", BaseSizes), ("A block", MeasureBlock)],
)
def test_every_key_is_documented(heading: str, model: type[BaseModel]) -> None:
    page = (ROOT / "docs" / "measure.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {heading}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found
    first_cells = re.findall(r"^\| (`.*?) \|", found[1], re.MULTILINE)
    keys = {key for cell in first_cells for key in re.findall(r"`(\w+)`", cell)}
    assert keys == set(model.model_fields)


def test_the_example_of_the_page_plans(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "measure.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(planned(tmp_path, example).comparisons) == 24
