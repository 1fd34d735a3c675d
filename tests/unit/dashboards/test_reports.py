"""A report says what the catalog says, opens anywhere, and never fails a submission."""

import json
import logging
import math
import re
import statistics
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from scipy import stats

from dashboards.drawn_sweep import DrawnSweep
from dashboards.figures import FIGURES
from dashboards.figures.figure import Figure
from dashboards.reporting import writing
from dashboards.reporting.arms import Arm, contrast
from dashboards.reporting.assembling import assemble
from dashboards.reporting.contents import Report, Table
from dashboards.reporting.differences import paired
from dashboards.reporting.findings import sentence
from dashboards.reporting.writing_html import as_page
from dashboards.reporting.writing_text import as_markdown, as_tex, markdown_text, tex_text
from orchestrator import command_line
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.reading import Reading
from orchestrator.commands.sweep_pictures import leave_pictures
from orchestrator.errors import CatalogError
from orchestrator.mlflow.runs import connect, prepare_store
from orchestrator.running.driver import Outcome
from orchestrator.stores import Stores
from tests.unit.dashboards.conftest import SMALL, planned
from workers.contract.trial import Method

HOSTILE = "</title><script>alert(1)</script> | *a* [b](javascript:c) & \\input{x} $y$ `z` \n# d"


class Outside(HTMLParser):
    """Collects whatever of a page could load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base", "form", "image"):
            self.found.append(tag)
        for name, value in attrs:
            leads = name in ("src", "href", "xlink:href", "srcset", "action", "data")
            if (leads and not (value or "").startswith("#")) or name.startswith("on"):
                self.found.append(f"{tag} {name}={value}")
            if name == "style" and "url(" in (value or ""):
                self.found.append(str(value))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def looked_over(page: str) -> Outside:
    seen = Outside()
    seen.feed(page)
    return seen


def test_a_page_needs_nothing_else(made_up_catalog: Callable[..., Catalog]) -> None:
    page = as_page(assemble(DrawnSweep(made_up_catalog(), "small")))
    seen = looked_over(page)
    assert seen.found == []
    assert "default-src 'none'" in page
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles
    assert page.count("<svg") == page.count("</figure>") == 14
    text = " ".join(seen.text)
    for said in ("Findings", "AdapterDrop", "Run it again", "95 % interval", "torch"):
        assert said in text
    assert SMALL in "".join(seen.text)


def test_tables_are_the_leaderboards(made_up_catalog: Callable[..., Catalog]) -> None:
    catalog = made_up_catalog()
    report = assemble(DrawnSweep(catalog, "small"))
    for table, (task, base) in zip(
        report.leaderboards, [("cola", "tiny"), ("rte", "tiny")], strict=True
    ):
        board = catalog.leaderboard("small", task, limit=10)
        assert table.title.startswith(task)
        assert [row[1] for row in table.rows] == [f"{r.mean:.3f} ± {r.std:.3f}" for r in board]
        assert {r.best.base_name for r in board} == {base}
    best = {row[0]: row[3] for row in report.overview.rows}
    for task, shown in best.items():
        first = catalog.leaderboard("small", task, limit=1)[0]
        assert shown == f"{first.mean:.3f} ± {first.std:.3f}"


def test_a_difference_is_the_mean_of_pairs(made_up_catalog: Callable[..., Catalog]) -> None:
    """The sentence's numbers, computed again from the trials."""
    catalog = made_up_catalog()
    report = assemble(DrawnSweep(catalog, "small"))
    (found,) = [f for f in report.findings if f.topic == "AdapterDrop"]
    sides = ("specialised at depth 3", "standard at depth 0")
    (mine,) = [c for c in found.contrasts if (c.one.name, c.other.name) == sides]
    means = []
    for task in ("cola", "rte"):
        board = catalog.leaderboard("small", task)
        own = next(r for r in board if "· pfeiffer r8 · drop 3" in r.label)
        best = next(r for r in board if "· adapter ·" in r.label and "drop" not in r.label)
        seeds = {r.seed: r.score for r in catalog.configuration_rows(own.configuration)}
        other = {r.seed: r.score for r in catalog.configuration_rows(best.configuration)}
        means.append(100 * statistics.fmean(seeds[s] - other[s] for s in seeds))
    assert mine.validation.mean == pytest.approx(statistics.fmean(means))
    assert (mine.validation.panels, mine.validation.seeds, mine.validation.pairs) == (2, 3, 6)
    amount = f"{abs(mine.validation.mean):.1f} ± {mine.validation.error:.1f} points"
    assert amount in sentence(mine)


SCORES = st.dictionaries(
    st.sampled_from("abcde"),
    st.dictionaries(st.integers(0, 4), st.floats(0, 1), min_size=1),
    min_size=1,
)


@hypothesis.given(SCORES, SCORES)
def test_differences_turn_around(one: Any, other: Any) -> None:
    there, back = paired(one, other), paired(other, one)
    if there is None or back is None:
        assert there is back
        assert not any(one[k].keys() & other[k].keys() for k in one.keys() & other.keys())
        return
    assert there.mean == pytest.approx(-back.mean, abs=1e-9)
    assert (there.error is None) == (there.pairs == 1)
    if there.error is not None and there.interval is not None:
        assert there.error == pytest.approx(back.error)
        assert there.interval[0] - 1e-9 <= there.mean <= there.interval[1] + 1e-9
        assert there.is_told == back.is_told


@hypothesis.given(st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=8))
def test_one_task_is_a_paired_t_test(differences: list[float]) -> None:
    other = dict.fromkeys(range(len(differences)), 0.5)
    found = paired({"a": {s: 0.5 + d for s, d in enumerate(differences)}}, {"a": other})
    assert found is not None
    assert found.error is not None
    spread = statistics.stdev([100 * d for d in differences])
    assert found.error == pytest.approx(spread / math.sqrt(len(differences)), abs=1e-6)
    if spread > 1e-3:
        pairs = [(0.5 + d, 0.5) for d in differences]
        expected = stats.ttest_rel(*zip(*pairs, strict=True)).confidence_interval(0.95)
        assert found.interval == pytest.approx((100 * expected[0], 100 * expected[1]), rel=1e-4)


def test_seeds_that_differ_are_not_forgotten_where_tasks_agree_by_luck() -> None:
    one = {"a": {0: 0.9, 1: 0.7}, "b": {0: 0.7, 1: 0.9}}
    found = paired(one, {"a": {0: 0.6, 1: 0.6}, "b": {0: 0.6, 1: 0.6}})
    assert found is not None
    assert found.mean == pytest.approx(20)
    assert found.error == pytest.approx(math.sqrt(2 * (200 / 2)) / 2)
    assert not found.is_told


def test_doubt_is_said() -> None:
    base = {"t": {0: 0.5, 1: 0.5, 2: 0.5}}
    sure = contrast(Arm("a", {"t": {0: 0.60, 1: 0.61, 2: 0.59}}, {}), Arm("b", base, {}))
    unsure = contrast(Arm("a", {"t": {0: 0.60, 1: 0.41, 2: 0.52}}, {}), Arm("b", base, {}))
    alone = contrast(Arm("a", {"t": {0: 0.6}}, {"t": {0: 0.7}}), Arm("b", base, base))
    assert sure
    assert unsure
    assert alone
    assert sentence(sure).startswith("A scores 10.0 ± 0.6 points more than b (1 task, 3 seeds;")
    assert sentence(unsure).startswith("No difference can be told between a and b: +1.0 ± 5.5")
    assert "in the one pair there is, which says nothing about others" in sentence(alone)
    assert contrast(Arm("a", {}, {}), Arm("b", base, {})) is None


def hostile_report(made_up_catalog: Callable[..., Catalog]) -> Report:
    catalog = made_up_catalog(
        failed=lambda trial: trial.method is Method.HEAD_ONLY,
        finished=lambda trial: trial.seed < 2,
    )
    drawn = DrawnSweep(catalog, "small")
    drawn.results.rows = [r.model_copy(update={"task": HOSTILE}) for r in drawn.results.rows]
    report = assemble(drawn)
    assert report.failures is not None
    return report


def test_hostile_names_are_shown_as_text(made_up_catalog: Callable[..., Catalog]) -> None:
    report = hostile_report(made_up_catalog)
    page = as_page(report)
    assert looked_over(page).found == []
    assert "alert(1)" in " ".join(looked_over(page).text)
    places = [f"{drawn.figure.name}.svg" for drawn in report.figures]
    markdown = as_markdown(report, places)
    before_code = markdown.partition("## Run it again")[0]
    assert "<script" not in before_code
    assert "](javascript" not in before_code
    assert "\n# d" not in markdown
    tex = as_tex(report, places)
    assert r"\input{x}" not in tex
    assert r"\textbackslash{}input\{x\} \$y\$" in tex


@hypothesis.given(st.text(max_size=60))
def test_escaped_texts_stay_on_their_line(text: str) -> None:
    for escape in (markdown_text, tex_text):
        assert len(escape(text).splitlines()) <= 1
    assert "<" not in markdown_text(text)
    assert not re.search(r"(?<!\\)[#%&]", tex_text(text))


def test_every_row_of_a_table_has_all_cells(made_up_catalog: Callable[..., Catalog]) -> None:
    report = assemble(DrawnSweep(made_up_catalog(finished=lambda t: t.seed == 0), "small"))
    tables: list[Table] = [report.overview, *report.leaderboards, *report.differences]
    tables += [*report.choices, *report.versions]
    assert len(tables) > 8
    for table in tables:
        assert table.numbers <= set(table.columns)
        assert all(len(row) == len(table.columns) for row in table.rows), table.title


def test_a_sweep_without_results_has_a_report(made_up_catalog: Callable[..., Catalog]) -> None:
    catalog = made_up_catalog(finished=lambda trial: False)
    page = as_page(assemble(DrawnSweep(catalog, "small")))
    assert "No trial is finished yet" in page
    assert "<svg" not in page
    with pytest.raises(CatalogError, match="nowhere"):
        assemble(DrawnSweep(catalog, "nowhere"))


def report_command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["adaptersweep", "report", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return int(ended.value.code or 0)


def test_the_command_writes_every_format(
    made_up_catalog: Callable[..., Catalog],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = (Method.HEAD_ONLY, Method.FULL_FINE_TUNING)
    made_up_catalog(finished=lambda trial: trial.method in few)
    monkeypatch.chdir(tmp_path)
    here = ("small", "--workspace", str(tmp_path / "made-up"))
    assert report_command(monkeypatch, *here) == 0
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    for ending, figure in (("md", "svg"), ("tex", "pdf")):
        assert report_command(monkeypatch, *here, "--to", f"paper.{ending}") == 0
        text = (tmp_path / f"paper.{ending}").read_text()
        drawn = re.findall(rf"paper_figures/(\w+)\.{figure}", text)
        assert len(drawn) > 3
        assert all((tmp_path / "paper_figures" / f"{n}.{figure}").stat().st_size for n in drawn)
    # A figure is as wide as it was drawn, at most as a line: nothing is enlarged.
    assert text.count(r"\includegraphics[width=\ownwidth]{") == len(drawn)
    assert r"\newcommand{\ownwidth}{\ifdim\Gin@nat@width>\linewidth\linewidth" in text
    assert report_command(monkeypatch, *here, "--format", "md", "--to", "notes.txt") == 0
    assert (tmp_path / "notes.txt").read_text().startswith("# small")
    capsys.readouterr()
    for words, said in (
        (["--format", "docx"], "html, md, tex"),
        (["--to", "x.docx"], ".html, .md, .tex"),
        (["--to", "no/folder/x.html"], "there is no folder"),
    ):
        assert report_command(monkeypatch, *here, *words) == 2
        assert said in capsys.readouterr().err
    assert report_command(monkeypatch, "nowhere", *here[1:]) == 2
    assert "nowhere" in capsys.readouterr().err


def ended(folder: Path, **changes: Any) -> Outcome:
    given: dict[str, Any] = {
        "plan": planned(folder, SMALL),
        "reused": 0,
        "trained": 132,
        "taken": 0,
        "failed": (),
        "blocked": (),
        "registered": (),
        "stayed": (),
        "unregistered": (),
        "unpublished": 0,
    }
    return Outcome(**(given | changes))


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[Any]:
    """Note whose method is called from now on."""
    called: list[Any] = []
    usual = getattr(owner, name)

    def note(self: Any, *given: Any, **named: Any) -> Any:
        called.append(self)
        return usual(self, *given, **named)

    monkeypatch.setattr(owner, name, note)
    return called


def test_a_submission_leaves_its_report_in_the_workspace_and_in_mlflow(
    made_up_catalog: Callable[..., Catalog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = made_up_catalog(finished=lambda trial: trial.method is Method.HEAD_ONLY)
    stores = Stores.at(tmp_path / "made-up")
    prepare_store(stores.tracking_uri)
    read, drawn = counted(monkeypatch, Reading, "trials"), counted(monkeypatch, Figure, "draw")
    report = leave_pictures(ended(tmp_path), stores)
    assert len(drawn) == len(set(drawn)) == len(FIGURES), "for the report and for MLflow together"
    assert len(read) == 1
    path = stores.workspace.report("small")
    assert report == str(path)
    run_id = catalog.mlflow_runs("small", stores.tracking_identity)[None]
    client = connect(stores.tracking_uri)
    left = {found.path for found in client.list_artifacts(run_id)}
    assert left == {"report.html", "figures", "leaderboard.json"}
    # Where nothing was trained since, it is sent and not drawn again.
    path.write_text("as it was")
    assert leave_pictures(ended(tmp_path, trained=0, reused=132), stores) == report
    assert path.read_text() == "as it was"
    assert leave_pictures(ended(tmp_path, interrupted=True), stores) is None


def test_a_report_never_fails_a_submission(
    made_up_catalog: Callable[..., Catalog],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    free_port: Callable[[], int],
) -> None:
    made_up_catalog(finished=lambda trial: trial.method is Method.HEAD_ONLY)
    down = Stores.at(tmp_path / "made-up", tracking=f"http://127.0.0.1:{free_port()}")
    with caplog.at_level(logging.WARNING):
        report = leave_pictures(ended(tmp_path), down)
    assert report is not None
    assert "waits for MLflow" in caplog.text
    # What could not be told to MLflow is a sign that it is down: it is not asked again.
    monkeypatch.setattr("orchestrator.commands.sweep_report.attach", json.loads)
    caplog.clear()
    assert leave_pictures(ended(tmp_path, unpublished=3), down) == report
    assert caplog.text == ""
    Path(report).unlink()
    monkeypatch.setattr(writing, "as_page", lambda report: 1 / 0)
    assert leave_pictures(ended(tmp_path, unpublished=3), down) is None
    assert "could not be written" in caplog.text
