"""Every page, filter, link and file over made-up results, and what is refused."""

import csv
import io
import json
import re
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from dashboards.drawn_sweep import DrawnSweep
from dashboards.figures import FIGURES
from dashboards.reporting.assembling import assemble
from dashboards.web import static_files, twins
from dashboards.web.application import PAGES
from dashboards.web.asked import LONGEST_VALUE
from dashboards.web.pages import FILES, TRIAL_FILES
from dashboards.web.site import Kept
from dashboards.web.trial_panels import COLUMNS
from orchestrator.catalog import Catalog, TrialFilter
from orchestrator.catalog.records import Stop
from orchestrator.stores import Stores
from tests.unit.dashboards.web_pages import client_of, tables_in
from workers.contract.trial import Method

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def site(made_up_catalog, tmp_path):
    """Pages over a sweep with everything in it: some failed, some are to come."""
    catalog = made_up_catalog(
        failed=lambda t: t.method is Method.HEAD_ONLY and t.seed == 1,
        finished=lambda t: t.seed < 2,
    )
    stores = Stores.at(tmp_path / "made-up")
    return client_of(stores), catalog


def ok(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text[:2000])
    return answer


def addresses(catalog):
    board = [row.configuration for row in catalog.leaderboard("small")]
    trial = catalog.trials(limit=1)[0].trial_id
    return {
        "/": "/",
        "/sweep": "/sweep?sweep=small",
        "/grid": "/grid?sweep=small",
        "/group": "/group?sweep=small&by=method&by=epochs",
        "/trials": "/trials?sweep=small",
        "/compare": f"/compare?c={board[0]}&c={board[1][:9]}",
        "/adapters": "/adapters",
        "/trial/{trial}": f"/trial/{trial}",
    }


def test_every_page_opens_and_every_link_in_it_leads_somewhere(site):
    client, catalog = site
    seen, waiting = set(), [(path, "") for path in addresses(catalog).values()]
    assert set(addresses(catalog)) == set(PAGES)
    while waiting and len(seen) < 220:
        path, came_from = waiting.pop(0)
        kind = re.sub(r"[?].*|[0-9a-f]{20}", "", path), path.count("&"), path.partition("=")[0]
        if path in seen or (came_from and kind in seen and "/figure/" not in path):
            continue
        seen |= {path, kind}
        answer = client.get(path)
        nothing_drawn = path.startswith("/figure/") and answer.status_code == 400
        no_log = path.endswith("/log")
        assert answer.status_code == 200 or nothing_drawn or no_log, (path, came_from)
        if answer.headers["content-type"].startswith("text/html") and not came_from.count("→"):
            links = re.findall(r'href="(/[^"#]*)"', answer.text)
            waiting += [(link.replace("&amp;", "&"), f"{came_from} → {path}") for link in links]
    assert len(seen) > 60


def test_a_filter_acts_on_every_panel(site):
    client, catalog = site
    page = ok(client, "/sweep?sweep=small&task=rte&method=adapter&drop_mode=robust").text
    shown = tables_in(page)
    assert {caption for caption in shown if caption in ("rte", "cola")} == {"rte"}
    assert all("robust" in row["configuration"] for row in shown["rte"])
    assert "No trial failed" in page
    failures = tables_in(ok(client, "/sweep?sweep=small").text)["Failures by reason"]
    assert [(r["state"], r["reason"], r["trials"]) for r in failures] == [
        ("failed", "diverged", "2")
    ]
    for name in ("/grid", "/group", "/trials"):
        every = ok(client, f"{name}?sweep=small").text
        some = ok(client, f"{name}?sweep=small&task=rte").text
        assert "cola · " in every or "glue/cola" in every or ">cola" in every
        assert not re.search(r"<t[dh][^>]*>(<[^>]*>)*cola", some), name
    assert len(tables_in(ok(client, "/trials?sweep=small&text=HEAD").text)["Trials"]) == len(
        [t for t in catalog.trials(limit=None) if "head" in t.label]
    )


def test_what_was_stopped_early_is_no_failure_and_has_its_reason(made_up_catalog, tmp_path):
    catalog = made_up_catalog(finished=lambda t: t.seed == 0)
    client = client_of(Stores.at(tmp_path / "made-up"))
    left = TrialFilter(sweep="small", state="pending", method=Method.ADAPTER)
    trial = catalog.trials(left, "trial_id", limit=1)[0]
    message = "stopped by halving after epoch 1: 0.5 is not among the best"
    told = {"epoch": 1, "score": 0.5, "seeds": 1, "bar": 0.6, "compared": 2}
    best = catalog.trials(limit=1)[0].trial_id
    stop = Stop(sweep="small", settings={}, best=best, best_score=0.7, message=message, **told)
    catalog.record_stopped("small", {trial.trial_id: stop})

    page = ok(client, f"/trial/{trial.trial_id}").text
    assert page.count(message) == 1
    assert "--only stopped" in page
    assert 'class="problem"' not in page
    assert "No score: it was stopped" in page
    assert "No adapter files: it was stopped before its end" in page
    sweep = ok(client, "/sweep?sweep=small").text
    link = re.search(r'href="(/trials[^"]*state=stopped[^"]*)"', sweep)
    (row,) = tables_in(ok(client, link[1].replace("&amp;", "&")).text)["Trials"]
    assert (row["trial"], row["message"]) == (trial.trial_id[:8], message)
    compared = ok(client, f"/compare?c={trial.configuration}").text
    assert re.search(rf"seed {trial.seed}: stopped", compared)
    facts = dict(assemble(DrawnSweep(catalog, "small")).facts)
    assert facts["stopped early"].startswith("1 of 132, by a rule of early termination")


def test_a_part_of_the_filter_can_be_left_out(site):
    client, _ = site
    page = ok(client, "/trials?sweep=small&task=rte&state=finished&sort=score").text
    chips = re.findall(r'class="chip" href="([^"]*)"', page)
    assert [chip.replace("&amp;", "&") for chip in chips] == [
        "/trials?sweep=small&state=finished&sort=score",
        "/trials?sweep=small&task=rte&sort=score",
    ]


@pytest.mark.parametrize("form", twins.FORMS)
@pytest.mark.parametrize("name", FILES)
def test_every_table_is_a_file(site, name, form):
    client, catalog = site
    query = addresses(catalog)["/compare"].partition("?")[2] if "compared" in name else ""
    if name in ("differences", "shared"):
        query = addresses(catalog)["/compare"].partition("?")[2]
    text = ok(client, f"/table/{name}.{form}?{query or 'sweep=small'}").text
    if form == "json":
        assert isinstance(json.loads(text), list)
    elif form == "csv":
        assert next(csv.reader(io.StringIO(text)))
    else:
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") > 0


@pytest.mark.parametrize("form", twins.FORMS)
@pytest.mark.parametrize("name", TRIAL_FILES)
def test_every_table_of_a_trial_is_a_file(site, name, form):
    client, catalog = site
    trial = catalog.trials(limit=1)[0].trial_id
    assert ok(client, f"/trial/{trial}/{name}.{form}").text.strip()


def test_figures_are_specifications_and_pictures(site):
    client, catalog = site
    for name in FIGURES:
        spec = ok(client, f"/figure/{name}.json?sweep=small&theme=dark").json()
        assert spec.get("nothing") or spec["$schema"].endswith("v6.json"), name
    assert ok(client, "/figure/drop_curves.svg?sweep=small").text.startswith("<svg")
    assert ok(client, "/figure/seeds.png?sweep=small").content.startswith(b"\x89PNG")
    trained = catalog.trials(TrialFilter(method=Method.ADAPTER), limit=1)[0].trial_id
    own = ok(client, f"/figure/learning_curves.json?c={trained}")
    assert "nothing" not in own.json()
    assert client.get("/figure/drop_curves.svg").status_code == 400
    assert client.get("/figure/none.svg?sweep=small").status_code == 404
    assert client.get("/figure/seeds.gif?sweep=small").status_code == 400
    assert client.get("/figure/seeds.svg?sweep=small&theme=pink").status_code == 400


def test_every_configuration_that_was_chosen_is_drawn(site):
    client, catalog = site
    rows = catalog.trials(TrialFilter(task="rte", method=Method.ADAPTER, state="finished"))
    chosen = list(dict.fromkeys(r.configuration for r in rows if r.drop_mode == "none"))[:4]
    assert len(chosen) == 4
    asked = "&".join(f"c={configuration}" for configuration in chosen)
    drawn = ok(client, f"/figure/learning_curves.json?{asked}").json()["concat"][0]
    lines = {(row["look"], row["label"]) for row in drawn["data"]["values"]}
    assert len(lines) == 4
    assert len({look for look, _ in lines}) < 4, "some are of one kind"
    told = defaultdict(set)
    for row in ok(client, f"/figure/seeds.json?{asked}").json()["concat"][0]["data"]["values"]:
        told[row["label"].partition(" · ")[0]].add(row["score"])
    for letter, configuration in zip("ABCD", chosen, strict=True):  # as the page calls them
        scores = [r.score for r in rows if r.configuration == configuration]
        assert sorted(told[letter]) == pytest.approx(sorted(scores), abs=1e-6)
    for name in ("learning_curves", "drop_curves"):
        spec = ok(client, f"/figure/{name}.json?{asked}").text
        assert all(f'"{letter} · ' in spec for letter in "ABCD"), name
    said = FIGURES["learning_curves"].chosen
    for page in (f"/compare?{asked}", f"/trial/{rows[0].trial_id}"):
        assert said not in ok(client, page).text
    assert FIGURES["drop_curves"].chosen in ok(client, "/sweep?sweep=small").text


def test_very_many_trials_are_not_all_drawn(site, monkeypatch):
    client, _ = site
    monkeypatch.setattr("dashboards.web.figure_files.MOST_TRIALS", 30)
    answer = ok(client, "/figure/seeds.json?sweep=small&method=adapter")
    (drawn,) = re.findall("Drawn are the ([0-9]+) trials of the best", answer.headers["x-drawn-of"])
    assert 0 < int(drawn) <= 30
    # What is drawn is drawn whole: a mark for each finished seed of the configuration.
    panels = [Counter(r["label"] for r in p["data"]["values"]) for p in answer.json()["concat"]]
    assert {marks for panel in panels for marks in panel.values()} == {2}
    monkeypatch.setattr("dashboards.web.figure_files.MOST_TRIALS", 5)
    one = ok(client, "/figure/learning_rates.json?sweep=small&method=adapter&seed=1").headers
    assert one["x-drawn-of"].startswith("Drawn are the 5 trials"), "a filter acts on figures too"


def test_how_many_trials_there_are_is_counted_once_until_something_is_written(site, monkeypatch):
    client, catalog = site
    counted = []
    count = type(catalog).count
    monkeypatch.setattr(
        type(catalog), "count", lambda self, chosen: counted.append(chosen) or count(self, chosen)
    )
    for page in ("1", "2", "1"):
        ok(client, f"/trials?sweep=small&min_score=0&page={page}")
    assert len(counted) == 1
    catalog.begin_submission("another", "", [])
    ok(client, "/trials?sweep=small&min_score=0")
    assert len(counted) == 2


def test_whether_there_are_more_trials_is_what_counting_says(site):
    _, catalog = site
    for chosen in (TrialFilter(), TrialFilter(sweep="small", seed=1), TrialFilter(min_score=2)):
        number = catalog.count(chosen)
        assert not catalog.any_more(chosen, number)
        assert number == 0 or catalog.any_more(chosen, number - 1)


def test_an_answer_is_worked_out_once_and_a_failure_is_not_kept():
    kept, calls, begun, go_on = Kept(2), [], Event(), Event()

    def slow():
        calls.append("slow")
        begun.set()
        assert go_on.wait(10)
        return 7

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(kept.get, "a", slow)
        assert begun.wait(10)
        others = [pool.submit(kept.get, "a", slow) for _ in range(2)]
        go_on.set()
        assert [each.result(10) for each in (first, *others)] == [7, 7, 7]
    assert calls == ["slow"]
    with pytest.raises(ZeroDivisionError):
        kept.get("b", lambda: 1 / 0)
    assert kept.get("b", lambda: 8) == 8
    assert kept.get("c", lambda: 9) == 9  # and the first one of three is gone
    assert kept.get("a", lambda: 10) == 10


def test_columns_order_and_page_are_in_the_address(site, monkeypatch):
    client, catalog = site
    monkeypatch.setattr("dashboards.web.trial_panels.ROWS_OF_A_PAGE", 7)
    rows = tables_in(ok(client, "/trials?columns=seed,trial_id&sort=-seed&page=2").text)["Trials"]
    expected = catalog.trials(sort="-seed", limit=7, offset=7)
    assert [(r["seed ↓"], r["trial"]) for r in rows] == [
        (str(t.seed), t.trial_id[:8]) for t in expected
    ]
    for name in COLUMNS:
        ok(client, f"/trials?columns={name}&sort={COLUMNS[name].sort}")
    assert "no column" in client.get("/trials?sort=nothing").text


def test_grid_turns(site):
    client, _ = site
    straight = tables_in(ok(client, "/grid?sweep=small").text)
    turned = tables_in(ok(client, "/grid?sweep=small&turned=1").text)
    (straight_rows,), (turned_rows,) = straight.values(), turned.values()
    assert turned_rows[-1]["task"] == "average"
    for row in straight_rows:
        column = {r["task"]: r[row["configuration"]] for r in turned_rows}
        for task, value in row.items():
            if task not in ("configuration",):
                assert column[task] == value


def test_a_running_sweep_tells_what_changed_since_a_cursor(site, tmp_path):
    client, catalog = site
    page = ok(client, "/sweep?sweep=small").text
    link = re.search(r'data-changes="([^"]*)"', page)
    assert link, "a submission of this process is running"
    first = ok(client, link[1].replace("&amp;", "&")).json()
    assert first["changed"] is False
    assert first["counts"]["finished"] == catalog.counts("small")["finished"]
    pending = next(iter(catalog.trials(limit=None, sort="-state")))
    assert pending.state == "pending"
    (submission,) = catalog.submissions("small")
    catalog.claim([pending.trial_id], submission.id)
    since = first["cursor"]
    second = ok(client, f"/changes?sweep=small&since={since}").json()
    assert second["changed"] is True
    assert second["counts"]["running"] == 1
    from tests.unit.dashboards.conftest import made_up

    trial = catalog.planned([pending.trial_id])[pending.trial_id]
    known = catalog.with_parents([pending.trial_id])
    catalog.record_result("small", made_up(trial, known))
    third = ok(client, f"/changes?sweep=small&since={second['cursor']}").json()
    assert [t["trial_id"] for t in third["trials"]] == [pending.trial_id]
    assert third["trials"][0]["state"] == "finished"
    assert ok(client, f"/changes?sweep=small&since={third['cursor']}").json()["changed"] is False


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/sweep?sweep=missing", 404, "no sweep &#39;missing&#39;"),
        ("/sweep", 400, "give sweep=NAME"),
        ("/grid?sweep=missing", 404, "no sweep"),
        ("/trials?task=missing", 404, "no task"),
        ("/trial/zz", 404, "a trial id is up to 20 digits"),
        ("/trial/0", 404, "0"),
        ("/trial/..%2f..%2fetc%2fpasswd", 404, "no such page"),
        ("/static/..%2fapplication.py", 404, "page of sweeps"),
        ("/static/nothing.js", 404, ""),
        ("/nothing", 404, "no such page"),
        ("/trials?page=0", 400, "a number from 1"),
        ("/trials?page=99999999999", 400, "a number from 1"),
        ("/trials?drop_mode=sideways", 400, "drop_mode: expected none, specialised or robust"),
        ("/trials?drop_depth=deep", 400, "drop_depth"),
        ("/trials?min_score=nan", 200, ""),
        ("/trials?seed=99999999999999999999999", 400, "seed"),
        ("/trials?columns=passwords", 400, "columns: expected some of"),
        ("/trials?text=a%00b", 400, "NUL"),
        ("/trials?whatever=1", 400, "nothing that can be asked for"),
        ("/trials?" + "&".join(["c=1"] * 99), 400, "at most 60 values"),
        ("/group?sweep=small&by=passwords", 404, "by: expected some of"),
        ("/group?sweep=small&sort=passwords", 404, "sort: expected one of"),
        ("/compare", 400, "expected 2 to 8 configurations"),
        ("/compare?c=nothing", 404, ""),
        ("/table/passwords.csv", 400, "expected /table/NAME.FORM"),
        ("/table/trials.exe", 400, "expected /table/NAME.FORM"),
        ("/changes", 400, "give sweep=NAME"),
        (f"/trials?text={'x' * 5000}", 400, f"at most {LONGEST_VALUE} characters, found 5,000"),
        (f"/sweep?sweep={HOSTILE}", 404, "&lt;script&gt;alert"),
        (f"/trials?text={HOSTILE}", 200, "&lt;script&gt;alert"),
        ("/trials?text=100%25_", 200, "No trial is like this"),
        ("/trials?text=%27%3B%20DROP%20TABLE%20trials", 200, "No trial is like this"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_clear_page(site, path, status, said):
    client, _ = site
    answer = client.get(path)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert HOSTILE not in answer.text
    assert "Traceback" not in answer.text


def test_hostile_names_are_shown_harmlessly(samples_of_hostile_names):
    client, trial, sweep = samples_of_hostile_names
    for path in ("/", f"/sweep?sweep={sweep}", f"/grid?sweep={sweep}", "/trials", "/group"):
        page = ok(client, path).text
        assert HOSTILE not in page
        assert ("&lt;img src" if path == "/" else "&lt;script&gt;") in page, path
    page = ok(client, f"/trial/{trial.trial_id}").text
    assert HOSTILE not in page
    assert "onerror=" not in re.sub(r"&lt;.*?&gt;", "", page)
    latex = ok(client, "/table/trials.tex").text
    assert r"\input" not in latex
    assert r"\textbackslash{}input" in latex
    rows = list(csv.reader(io.StringIO(ok(client, "/table/sweeps.csv").text)))
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row)


@pytest.fixture
def samples_of_hostile_names(tmp_path):
    from tests.unit.orchestrator.conftest import Samples

    samples = Samples()
    stores = Stores.at(tmp_path / "hostile")
    stores.prepare()
    sweep = "=1+1<img src=x onerror=alert(1)>"
    with Catalog.open(stores.catalog_url) as catalog:
        trial = samples.trial(task=f"{HOSTILE}\\input{{/etc/passwd}}")
        catalog.begin_submission(sweep, "", [trial])
        catalog.record_result(sweep, samples.result(trial))
    return client_of(stores), trial, sweep.replace("+", "%2B").replace("=", "%3D")


def test_an_empty_catalog_says_what_to_do(tmp_path):
    stores = Stores.at(tmp_path / "empty")
    stores.prepare()
    Catalog.open(stores.catalog_url).close()
    client = client_of(stores)
    assert "adaptersweep submit" in ok(client, "/").text
    assert "No adapter is registered yet" in ok(client, "/adapters").text
    assert "No trial is like this" in ok(client, "/trials").text
    ok(client, "/grid")
    ok(client, "/group")


def test_a_catalog_that_went_away_is_said(tmp_path, site):
    client, _ = site
    for path in (tmp_path / "made-up").glob("catalog.sqlite*"):
        path.unlink()
    answer = client.get("/trials")
    assert answer.status_code in (404, 503)
    assert "catalog" in answer.text
    assert "Traceback" not in answer.text


def test_what_is_shipped_is_what_was_built():
    import hashlib
    from pathlib import Path

    folder = Path(static_files.__file__).parent
    sums = (folder / "vega" / "SHA256SUMS").read_text().split("\n")
    for digest, name in (line.split() for line in sums if line):
        assert hashlib.sha256((folder / "static" / name).read_bytes()).hexdigest() == digest, name
    licences = (folder / "static" / "vega-licences.txt").read_text()
    for name in ("vega 6.4.0", "vega-lite 6.5.0", "vega-interpreter 2.3.2", "d3-array"):
        assert f"\n{name}" in licences
