"""Every figure shows the catalog's numbers, fits where it is used, and says when it has nothing."""

import json
import statistics
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from dashboards.comparing import panels_of
from dashboards.figures import FIGURES
from dashboards.figures.attention import weights_of
from dashboards.figures.drop_curves import adapter_panels
from dashboards.figures.figure import LIMIT_BYTES, Nothing, Spec, size_bytes
from dashboards.figures.pareto import front
from dashboards.figures.rendering import Theme, as_html, as_png, as_svg, svg_as_png
from dashboards.figures.savings import savings_of
from dashboards.looks import COLOURS, Look
from dashboards.results import read_results
from orchestrator.catalog.catalog import Catalog
from tests.unit.dashboards.conftest import CONTROLS, HUB, SMALL, record_times
from workers.contract.measurement import Action, Cell, Conditions, MeasuredBase
from workers.contract.trial import DropMode, Method

HOSTILE = "</script><script>alert(1)</script>&\"'\\%{}"
HOSTILE_SWEEP = f"""\
name: hostile
base_models: {{ tiny: {{ {HUB}, layers: 2, hidden_size: 64 }} }}
tasks: {{ NAME: {{ hub: glue/rte }} }}
"""


def drawn(catalog: Catalog, name: str, sweep: str = "small", **choice: Any) -> Spec:
    spec = FIGURES[name].draw(read_results(catalog, sweep), **choice)
    assert not isinstance(spec, Nothing), spec
    return spec


def rows(spec: Any) -> Iterator[dict[str, Any]]:
    """Every row of data of a specification, wherever it stands."""
    if isinstance(spec, dict):
        yield from spec.get("data", {}).get("values", [])
        for part in spec.values():
            yield from rows(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from rows(part)


def panel(spec: Spec, title: str) -> list[dict[str, Any]]:
    (found,) = [p for p in spec["concat"] if p["title"]["text"] == title]
    return list(rows(found))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_small_and_valid(
    name: str, made_up_catalog: Callable[..., Catalog]
) -> None:
    catalog = made_up_catalog(CONTROLS)
    base = MeasuredBase(config={}, layers=4, hidden_size=64)
    depths = [
        Cell(method=Method.ADAPTER, action=Action.INFER, batch_size=1, length=8, drop_depth=depth)
        for depth in range(4)
    ]
    times = {cell: 4.0 - place for place, cell in enumerate(depths)}
    record_times(catalog, times, Conditions(base=base, reduction_factor=8))
    spec = drawn(catalog, name)
    assert size_bytes(spec) <= LIMIT_BYTES
    json.dumps(spec, allow_nan=False)  # a browser reads no other
    for theme in Theme:
        svg = as_svg(spec, theme)
        root = ElementTree.fromstring(svg)
        assert root.tag.endswith("svg")
        assert "NaN" not in svg
        assert len(list(root.iter())) > 30
    assert "http" not in svg.replace("http://www.w3.org/", "")
    shown = {colour.upper() for colour in COLOURS.values()} & set(as_svg(spec).upper().split('"'))
    assert shown or name in ("attention", "transfer", "spans")


def test_a_theme_changes_all_but_the_data(made_up_catalog: Callable[..., Catalog]) -> None:
    spec = drawn(made_up_catalog(), "drop_curves")
    light, dark, page = (as_svg(spec, theme) for theme in Theme)
    assert "#15181c" in dark
    assert "#15181c" not in light
    assert "currentColor" in page
    assert all(Look.STANDARD.style.colour in svg for svg in (light, dark, page))
    direct, by_page = (
        np.asarray(Image.open(BytesIO(png)).convert("L"), dtype=float)
        for png in (as_png(spec, scale=1), svg_as_png(page, scale=1))
    )
    assert np.abs(direct - by_page).mean() < 1, "of 255: what a page draws is the picture on white"
    html = as_html(spec)
    assert "<script src" not in html
    assert "cdn." not in html


def test_the_documentation_says_what_captions_say() -> None:
    text = (Path(__file__).parents[3] / "docs" / "figures.md").read_text(encoding="utf-8")
    told = [line for line in text.splitlines() if line.startswith("| `")]
    for name, figure in FIGURES.items():
        assert f"| `{name}` | {figure.title} | {figure.caption()} |" in told


@pytest.mark.parametrize("name", FIGURES)
def test_what_cannot_be_drawn_is_said(name: str, made_up_catalog: Callable[..., Catalog]) -> None:
    empty = made_up_catalog(finished=lambda trial: False)
    nothing = FIGURES[name].draw(read_results(empty, "small"))
    assert isinstance(nothing, Nothing)
    assert "no trial is finished yet" in nothing.reason
    unmet = FIGURES[name].draw(read_results(empty, "small", trial_ids=()))
    assert isinstance(unmet, Nothing)
    assert "filter" in unmet.reason
    head = made_up_catalog(
        finished=lambda trial: trial.method is Method.HEAD_ONLY and trial.seed == 0, name="head"
    )
    found = FIGURES[name].draw(read_results(head, "small"))
    always = ("pareto", "pareto_bytes", "pareto_time", "learning_curves", "savings")
    assert isinstance(found, Nothing) == (name not in always)
    if isinstance(found, Nothing):
        assert len(found.reason) > 20


@hypothesis.settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(missing=st.sets(st.integers(0, 131)), luck=st.floats(0.0, 0.1))
def test_numbers_are_the_catalogs(
    missing: set[int], luck: float, made_up_catalog: Callable[..., Catalog]
) -> None:
    """In whatever state a sweep is, figures and leaderboards say the same."""
    count = iter(range(1000))
    name = f"catalog-{abs(hash((frozenset(missing), luck)))}"
    catalog = made_up_catalog(
        finished=lambda trial: next(count) not in missing, luck=luck, name=name
    )
    results = read_results(catalog, "small")
    board = catalog.leaderboard("small")
    if not board:
        return
    for each in panels_of(results):
        best = [row for row in board if row.task == each.key.task]
        mine = each.configurations
        assert [c.rows[0].configuration for c in mine] == [row.configuration for row in best]
        assert [c.mean for c in mine] == pytest.approx([row.mean for row in best])
        assert [f"{each.key.task} · {c.label}" for c in mine] == [row.label for row in best]
    _curves_are_means_of_trials(catalog)
    _points_are_leaderboard_rows(catalog)


def _curves_are_means_of_trials(catalog: Catalog) -> None:
    results = read_results(catalog, "small")
    spec = FIGURES["drop_curves"].draw(results)
    if isinstance(spec, Nothing):
        return
    stored = catalog.results(results.finished)
    scores: dict[tuple[str, int], list[float]] = defaultdict(list)
    for row in results.rows:
        if row.drop_mode == "specialised" and row.trial_id in stored:
            scores[row.task, row.drop_depth].append(stored[row.trial_id].score)
    for title in {task for task, _ in scores}:
        for row in panel(spec, title):
            if row["look"] == "specialised":
                mine = scores[title, row["depth"]]
                assert row["mean"] == pytest.approx(statistics.fmean(mine), abs=1e-6)
                assert (row["low"], row["high"]) == pytest.approx((min(mine), max(mine)), abs=1e-6)
                assert row["seeds"] == len(mine)


def _points_are_leaderboard_rows(catalog: Catalog) -> None:
    spec = FIGURES["pareto"].draw(read_results(catalog, "small"), every=True)
    assert isinstance(spec, dict)
    for title in {p["title"]["text"] for p in spec["concat"]}:
        board = [row for row in catalog.leaderboard("small") if row.task == title]
        points = [(row["score"], row["seeds"]) for row in panel(spec, title)]
        assert points == [(pytest.approx(row.mean, abs=1e-6), row.seeds) for row in board]


def test_a_mean_weight_is_over_seeds(made_up_catalog: Callable[..., Catalog]) -> None:
    catalog = made_up_catalog()
    results = read_results(catalog, "small")
    (each, *_) = panels_of(results)
    line = next(line for line in each.of(Method.FUSION) if line.mode == "none")
    stored = catalog.results(row.trial_id for row in line.rows).values()
    expected = statistics.fmean(result.attention[2]["rte"] for result in stored)
    shown = drawn(catalog, "attention")["concat"][0]["data"]["values"]
    (cell,) = [r for r in shown if r["layer"] == 2 and r["source"] == "rte"]
    assert cell["weight"] == pytest.approx(expected, abs=1e-6)
    chosen = type("Chosen", (), {"line": line})
    assert weights_of(chosen, results)[2, "rte"] == pytest.approx(expected)  # type: ignore[arg-type]


def test_pruned_fusions_end_at_the_whole_one(made_up_catalog: Callable[..., Catalog]) -> None:
    catalog = made_up_catalog()
    spec = drawn(catalog, "pruning")
    whole = [row for row in catalog.leaderboard("small", "rte") if "fusion · of" in row.label]
    means = {row["mean"] for row in panel(spec, "rte") if row.get("kept") == 2}
    assert sorted(means) == pytest.approx(sorted(row.mean for row in whole), abs=1e-6)
    stay = panel(spec, "rte: which stay")
    for kept in (1, 2):
        assert sum(row["share"] for row in stay if row["kept"] == kept) == pytest.approx(kept)


def test_differences_are_to_full_fine_tuning(made_up_catalog: Callable[..., Catalog]) -> None:
    catalog = made_up_catalog()
    board = catalog.leaderboard("small", "rte")
    full = next(row for row in board if "full fine tuning" in row.label)
    size = next(row for row in board if "pfeiffer r16" in row.label and "shared" not in row.label)
    found = [r for r in panel(drawn(catalog, "houlsby"), "rte") if r.get("look") == "standard"]
    (mine,) = [r for r in found if r["size"] == 16]
    assert mine["mean"] == pytest.approx(100 * (size.mean - full.mean), abs=1e-4)
    assert mine["trained"] == size.best.trained_parameters


ONE_SIZE_ROBUST = f"""\
name: small
base_models: {{ tiny: {{ {HUB}, layers: 4, hidden_size: 64 }} }}
tasks: {{ rte: {{ hub: glue/rte }} }}
seeds: [0, 1, 2]
trials:
  - adapter: {{ bottleneck_size: 8 }}
    drop: {{ mode: [none, robust] }}
  - adapter: {{ bottleneck_size: [1, 2, 4, 16, 32] }}
"""


def test_ways_of_dropping_are_compared_at_the_same_settings(
    made_up_catalog: Callable[..., Catalog],
) -> None:
    results = read_results(made_up_catalog(ONE_SIZE_ROBUST), "small")
    (each,) = panels_of(results)
    best = max(each.of(Method.ADAPTER, mode=DropMode.NONE), key=lambda line: line.mean(0))
    assert best.settings["bottleneck_size"] != 8, "or there would be nothing to choose wrongly"
    (shown,) = adapter_panels(results)
    assert {c.line.mode: c.line.settings["bottleneck_size"] for c in shown.curves} == {
        DropMode.NONE: 8,
        DropMode.ROBUST: 8,
    }
    assert [c.label for c in shown.curves] == ["standard · bottleneck size 8", "robust"]
    (whole,) = adapter_panels(results, every=True)
    assert len(whole.curves) == 7


@hypothesis.given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_the_front_is_what_nothing_beats(costs: list[tuple[float, float]]) -> None:
    chosen = {costs[i] for i in front(costs)}
    for cost, score in set(costs):
        beaten = any((c <= cost and s >= score) and (c, s) != (cost, score) for c, s in costs)
        assert ((cost, score) in chosen) != beaten


def test_reused_trials_are_counted_as_saved(made_up_catalog: Callable[..., Catalog]) -> None:
    catalog = made_up_catalog()
    first = savings_of(read_results(catalog, "small"))
    assert (first.trained, first.reused) == (132, 0)
    trials = list(catalog.planned(read_results(catalog, "small").finished).values())
    catalog.begin_submission("again", SMALL, trials)
    again = savings_of(read_results(catalog, "again"))
    assert (again.trained, again.reused) == (0, 132)
    assert again.reused_s == pytest.approx(first.trained_s)


def test_hostile_names_are_text(made_up_catalog: Callable[..., Catalog]) -> None:
    text = HOSTILE_SWEEP.replace("NAME", "rte") + "seeds: [0, 1]\n"
    catalog = made_up_catalog(text)
    results = read_results(catalog, "hostile")
    results.rows = [row.model_copy(update={"task": HOSTILE}) for row in results.rows]
    for name in ("drop_curves", "seeds", "pareto"):
        spec = FIGURES[name].draw(results)
        assert isinstance(spec, dict)
        svg = as_svg(spec)
        assert "<script" not in svg
        assert "alert(1)" in "".join(ElementTree.fromstring(svg).itertext())
        assert as_html(spec).count("<script") == as_html(spec).count("</script") == 2


def many(trials: int) -> str:
    """A sweep of so many trials over eight tasks."""
    rates = ", ".join(f"{(i + 1) * 1e-5:.5f}" for i in range(trials // (2 * 8 * 5)))
    names = ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte")
    tasks = ", ".join(f"{name}: {{ hub: glue/{name} }}" for name in names)
    return f"""\
name: many
base_models: {{ tiny: {{ {HUB}, layers: 12, hidden_size: 64 }} }}
tasks: {{ {tasks} }}
seeds: [0, 1, 2, 3, 4]
adapter: {{ bottleneck_size: 8 }}
trials:
  - drop: {{ mode: [none, robust] }}
    training: {{ learning_rate: [{rates}] }}
"""


@pytest.mark.slow
@pytest.mark.parametrize("every", [False, True])
def test_specifications_stay_small(every: bool, made_up_catalog: Callable[..., Catalog]) -> None:
    catalog = made_up_catalog(many(1600))
    results = read_results(catalog, "many")
    assert len(results.rows) == 1600
    sizes = {
        name: size_bytes(spec)
        for name, figure in FIGURES.items()
        if isinstance(spec := figure.draw(results, every=every), dict)
    }
    assert len(sizes) > 6
    assert {name: size for name, size in sizes.items() if size > LIMIT_BYTES} == {}


def test_every_kind_of_trial_has_a_look() -> None:
    assert all(Look.of(method, mode) in COLOURS for method in Method for mode in DropMode)
