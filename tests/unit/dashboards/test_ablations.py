"""Figures of what trained adapters and fusions are without, and of controls by chance."""

import statistics
from collections import defaultdict
from collections.abc import Callable

import pandas as pd
import pytest

from dashboards.comparing import Panel, choose, panels_of
from dashboards.figures import FIGURES
from dashboards.figures.figure import Nothing
from dashboards.figures.pruning import kept_lines
from dashboards.figures.removal import Ablated, ablated, span_rows
from dashboards.looks import Look
from dashboards.reporting.arms import Arms
from dashboards.reporting.findings import findings
from dashboards.results import Results, read_results
from orchestrator.catalog.catalog import Catalog
from tests.unit.dashboards.conftest import CONTROLS, SMALL
from workers.contract.trial import DropMode, Method

LAYERS = 4


@pytest.fixture
def results(made_up_catalog: Callable[..., Catalog]) -> Results:
    return read_results(made_up_catalog(CONTROLS), "small")


def of_task(results: Results, task: str) -> tuple[Panel, Ablated]:
    (each,) = [p for p in panels_of(results) if p.title == task]
    (own,) = ablated(results, each)
    return each, own


def test_spans_are_the_catalogs_differences(results: Results) -> None:
    _, own = of_task(results, "rte")
    rows = {(row["first"], row["last"]): row for row in span_rows(own)}
    assert rows.keys() == {(a, b) for a in range(LAYERS) for b in range(a, LAYERS)}
    whole, without = {}, defaultdict(dict)
    for row in results.trials.to_dict("records"):
        plain = row["bottleneck_size"] == 8 and row["learning_rate"] == 1e-4
        if row["task"] != "rte" or not plain or row["drop_mode"] != "none":
            continue
        if row["method"] == "adapter" and pd.isna(row["initial_std"]):
            whole[row["seed"]] = row["score"]
        if row["method"] == "pruned_adapter" and not pd.isna(row["removed_first"]):
            key = int(row["removed_first"]), int(row["removed_last"])
            without[key][row["seed"]] = row["score"]
    assert len(whole) == 3
    for key, row in rows.items():
        gaps = [100 * (score - whole[seed]) for seed, score in without[key].items()]
        assert row["points"] == pytest.approx(statistics.fmean(gaps))
        assert row["std"] == pytest.approx(statistics.stdev(gaps))
        assert row["seeds"] == 3
    assert rows[0, LAYERS - 1]["points"] < rows[0, 0]["points"]


def test_orders_meet_where_nothing_and_where_all_is_removed(results: Results) -> None:
    _, own = of_task(results, "cola")
    lowest, highest, drawn = (
        own.without(order) for order in ("the lowest", "the highest", "drawn at random")
    )
    assert sorted(lowest) == sorted(highest) == [0, 1, 2, 3, 4]
    assert list(drawn) == [0, 1, 2, 3]
    assert lowest[0] == highest[0] == drawn[0]
    assert lowest[4] == highest[4] == own.spans[0, 3]
    assert lowest[1] == own.spans[0, 0]
    assert highest[1] == own.spans[3, 3]


def test_without_spans_the_measured_depths_are_the_lowest_layers(
    made_up_catalog: Callable[..., Catalog],
) -> None:
    text = CONTROLS.replace("spans: all, at_random", "at_random")
    results = read_results(made_up_catalog(text), "small")
    _, own = of_task(results, "rte")
    assert own.spans == {}
    assert list(own.without("the lowest")) == [0, 1, 2, 3]
    assert own.without("the highest") == {}
    assert isinstance(FIGURES["spans"].draw(results), Nothing)
    assert not isinstance(FIGURES["removal"].draw(results), Nothing)


def test_a_sweep_without_them_says_what_to_ask_for(made_up_catalog: Callable[..., Catalog]) -> None:
    results = read_results(made_up_catalog(SMALL), "small")
    for name, words in (
        ("spans", "removal: { spans: all }"),
        ("removal", "at_random"),
        ("initialisation", "initial_std"),
    ):
        found = FIGURES[name].draw(results)
        assert isinstance(found, Nothing)
        assert words in found.reason


def test_a_fusion_of_random_adapters_never_stands_for_fusions(results: Results) -> None:
    for each in panels_of(results):
        every = [line for line in each.lines if line.method is Method.FUSION]
        trained = each.of(Method.FUSION)
        control = each.of(Method.FUSION, random_sources=True)
        assert {line.look for line in control} == {Look.RANDOM_FUSION}
        assert not set(map(id, trained)) & set(map(id, control))
        assert len(trained) == len(control) == len(every) // 2 > 0
        for whole in (choose(trained), choose(control)):
            assert len(whole) == 1
        kept = kept_lines(each)
        assert set(kept) == {
            (mode, order)
            for mode in (DropMode.NONE, DropMode.ROBUST)
            for order in ("at_once", "one_by_one", "random")
        }
        for found, random in ((kept, None), (kept_lines(each, random_sources=True), True)):
            for by_keep in found.values():
                assert {
                    c.line.settings.get("random_sources") or None for c in by_keep.values()
                } == {random}


def test_the_scale_that_is_not_given_is_the_initialisations(results: Results) -> None:
    spec = FIGURES["initialisation"].draw(results)
    assert not isinstance(spec, Nothing)
    for drawn in spec["concat"]:
        rows = drawn["data"]["values"]
        assert [row["scale"] for row in rows] == [1e-7, 0.02, 1.0]
        assert all(row["seeds"] == 3 for row in rows)


def test_the_usual_scale_and_its_number_are_one_point(
    made_up_catalog: Callable[..., Catalog],
) -> None:
    text = CONTROLS.replace("initial_std: [1e-7, 1]", "initial_std: [1e-7, 0.02, 1]")
    results = read_results(made_up_catalog(text), "small")
    spec = FIGURES["initialisation"].draw(results)
    assert not isinstance(spec, Nothing)
    by_title = {each.title: each for each in panels_of(results)}
    for drawn in spec["concat"]:
        rows = drawn["data"]["values"]
        assert [row["scale"] for row in rows] == [1e-7, 0.02, 1.0]
        usual = {
            line.settings.get("initial_std"): line.mean(0)
            for line in by_title[drawn["title"]["text"]].of(Method.ADAPTER, mode=DropMode.NONE)
            if line.settings["bottleneck_size"] == 8 and line.settings["learning_rate"] == 1e-4
        }
        assert set(usual) == {None, 1e-7, 0.02, 1.0}
        assert rows[1]["mean"] == pytest.approx(usual[0.02], abs=1e-6)


def test_the_report_compares_orders_with_their_doubt(results: Results) -> None:
    panels = panels_of(results)
    (found,) = [f for f in findings(results, panels, Arms(panels, {})) if "removed" in f.topic]
    names = {(c.one.name, c.other.name): c.validation for c in found.contrasts}
    two = "the adapter without 2 layers ({})"
    assert [two.format("the lowest") in sentence for sentence in found.sentences[:2]] == [True] * 2
    against = names[two.format("the lowest"), two.format("drawn at random")]
    gaps = []
    for each in panels:
        own = ablated(results, each)[0]
        lowest, drawn = own.spans[0, 1], own.at_random[2]
        gaps.append(statistics.fmean(100 * (lowest[seed] - drawn[seed]) for seed in lowest))
    assert against.mean == pytest.approx(statistics.fmean(gaps))
    assert against.pairs == 6
