"""Export and import: a catalog comes out of the file as it was, and files merge."""

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator import Sweeps
from orchestrator.catalog import Catalog, SubmissionOutcome, TrialState
from orchestrator.catalog.exchange import catalog_of, read_export, write_export
from orchestrator.catalog.exchange.files import _BODY, _digest, export_text
from orchestrator.catalog.exchange.sharing import Whole, as_text, take_apart
from orchestrator.catalog.plain_rows import leaderboard_rows, trial_rows
from orchestrator.catalog.records import Stop
from orchestrator.command_line import app
from orchestrator.commands.paired_differences import answered
from orchestrator.errors import CatalogError, ExportFileError, OrchestratorError, RegistryError
from orchestrator.mlflow.mirror import Publisher
from orchestrator.planning.selection import Standing, Winner
from orchestrator.registry.registration import register_winner
from orchestrator.running.missing_files import find_missing
from orchestrator.running.repair import look_over
from orchestrator.spec.model import Ranking
from tests.unit.orchestrator.conftest import Samples
from workers.contract.measurement import (
    Action,
    Cell,
    Clock,
    Conditions,
    Group,
    Machine,
    MeasuredBase,
    Timing,
)
from workers.contract.predictions import PredictionsFile
from workers.contract.results import AdapterFiles, FailureReason, TrialFailure
from workers.contract.task_card import FolderSource
from workers.contract.trial import Method, Trial

HOME = "/home/somebody/secret-project"
SPEC = f"name: s\ntasks:\n  rte: {{source: folder:{HOME}/rte}}\nnote: https://a.b/c and 1/2\n"
MACHINE = Machine(
    device="cpu",
    cpu="some",
    cores=2,
    python="3.11",
    torch="2",
    transformers="5",
    adaptersweep="0.1.0",
)


def in_a_folder(trial: Trial) -> Trial:
    """Return a trial whose task and base lie in somebody's home."""
    source = FolderSource(path=f"{HOME}/rte")
    card = trial.task.card.model_copy(update={"origin": f"{HOME}/rte"})
    task = trial.task.model_copy(update={"source": source, "card": card})
    base = trial.base.model_copy(update={"source": f"folder:{HOME}/minilm"})
    return trial.model_copy(update={"task": task, "base": base})


def measure(catalog: Catalog, *, took_s: float = 1.0) -> None:
    config = {"model_type": "bert", "_name_or_path": f"{HOME}/minilm"}
    base = MeasuredBase(config=config, layers=6, hidden_size=384)
    cells = tuple(
        Cell(method=method, action=Action.TRAIN, batch_size=8, length=64)
        for method in (Method.ADAPTER, Method.FULL_FINE_TUNING)
    )
    group = Group(conditions=Conditions(base=base), cells=cells)
    timings = [Timing(cell=c, wall_s=(took_s, 2.0), cpu_s=(took_s, 1.5)) for c in cells]
    catalog.record_measurements(
        group, timings, MACHINE, spec=("speed", "ab" * 32), clock=Clock.CPU, load=(0.1, 0.2)
    )


def fill(catalog: Catalog, samples: Samples) -> list[Trial]:
    """Run a sweep in which trials end in every way, and return its trials."""
    done = [in_a_folder(samples.trial(seed=n)) for n in (1, 2, 3)]
    other, failed, stopped = (samples.trial(task="cola", seed=n) for n in (1, 2, 3))
    fusion = samples.fusion(done[0], other)
    blocked, open_ = samples.fusion(done[0], failed), samples.trial(size=48)
    everything = [*done, other, failed, stopped, fusion, blocked, open_]
    earlier = samples.trial(size=8)
    first = catalog.begin_submission("s", SPEC, [earlier])
    catalog.record_result("s", samples.result(earlier, 0.4))
    catalog.end_submission(first.id, SubmissionOutcome.COMPLETED)
    submission = catalog.begin_submission("s", SPEC, everything, stoppable=[stopped.trial_id])
    for number, trial in enumerate([*done, other, fusion]):
        catalog.record_result("s", samples.result(trial, 0.5 + number / 10))
    why = TrialFailure(
        trial_id=failed.trial_id,
        reason=FailureReason.DIVERGED,
        message=f"loss is nan; see {HOME}/log",
        at_unix_ms=1,
    )
    catalog.record_failure("s", why)
    catalog.record_blocked([blocked.trial_id], "its source failed")
    stop = Stop(
        sweep="s",
        settings={"rule": "median"},
        epoch=1,
        score=0.1,
        seeds=1,
        bar=0.2,
        compared=3,
        best=other.trial_id,
        best_score=0.9,
        message="too low",
    )
    catalog.record_stopped("s", {stopped.trial_id: stop})
    catalog.end_submission(submission.id, SubmissionOutcome.FAILED)
    another = catalog.begin_submission("another", "name: another\n", [fusion])
    catalog.end_submission(another.id, SubmissionOutcome.COMPLETED)
    measure(catalog)
    return everything


@pytest.fixture
def other_catalog(catalog_url, tmp_path, request):
    """Give a second, empty catalog of the same kind."""
    if catalog_url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'other.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_database")()
    with Catalog.open(url) as opened:
        yield opened


def answers(catalog: Catalog) -> dict[str, object]:
    """Return what `best --json` and `trials --json` say, and every sweep's counts."""
    rows = trial_rows(catalog, catalog.trials(limit=None, sort="trial_id"))
    submissions = "claimed_by"  # which are numbered anew in each catalog
    best = leaderboard_rows(catalog, catalog.leaderboard())
    for row in best:
        row["best"].pop(submissions)
    return {
        "trials": [{k: v for k, v in row.items() if k != submissions} for row in rows],
        "best": best,
        "sweeps": {s.name: (s.counts, s.earlier, s.created_at) for s in catalog.sweeps()},
        "epochs": {row["trial_id"]: catalog.epochs(row["trial_id"]) for row in rows},
        "parents": {
            row["trial_id"]: [p.trial_id for p in catalog.parents(row["trial_id"])] for row in rows
        },
    }


def test_a_catalog_comes_out_of_its_file_as_it_was(catalog, other_catalog, samples, tmp_path):
    fill(catalog, samples)
    file = tmp_path / "results.json"
    write_export(catalog.exported(), file)
    told = other_catalog.take_in({str(file): read_export(file)})

    assert (told.sweeps, told.trials, told.results, told.measurements) == (2, 10, 6, 2)
    assert export_text(other_catalog.exported()) == file.read_text()
    there = json.dumps(answers(catalog), default=str).replace(f"{HOME}/log", "log")
    assert json.dumps(answers(other_catalog), default=str) == there
    assert other_catalog.open_submissions() == ([], [])  # nobody works there on anything


def exported(catalog: Catalog, file: Path, *sweeps: str, **options: bool) -> Path:
    write_export(catalog.exported(sweeps or None, with_measurements=not sweeps), file, **options)
    return file


def test_importing_twice_and_into_where_it_came_from_changes_nothing(catalog, samples, tmp_path):
    fill(catalog, samples)
    before, text = answers(catalog), export_text(catalog.exported())
    file = exported(catalog, tmp_path / "results.json")
    told = catalog.take_in({"a": read_export(file), "b": read_export(file)})
    assert (told.sweeps, told.trials, told.results, told.measurements) == (0, 0, 0, 0)
    assert answers(catalog) == before
    assert export_text(catalog.exported()) == text


def test_disjoint_and_overlapping_files_merge_in_any_order(
    catalog, other_catalog, samples, tmp_path
):
    first, second, third = (samples.trial(seed=n) for n in (1, 2, 3))
    for place, trials in ((catalog, (first, second)), (other_catalog, (second, third))):
        submission = place.begin_submission("s", SPEC, trials)
        place.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)
    catalog.begin_submission("mine", "", [first])
    catalog.record_results("s", [samples.result(t) for t in (first, second)])
    other_catalog.record_result("s", samples.result(third))  # `second` is pending here
    measure(catalog)
    measure(other_catalog)
    files = [
        exported(place, tmp_path / f"{number}.json")
        for number, place in enumerate((catalog, other_catalog))
    ]
    texts = []
    for order in (files, files[::-1]):
        with catalog_of(order) as merged:
            finished = {t.trial_id: TrialState.FINISHED for t in (first, second, third)}
            assert merged.states("s") == finished
            assert merged.counts("s")[TrialState.FINISHED] == 3
            assert {s.name for s in merged.sweeps()} == {"s", "mine"}
            assert len(merged.exported().measurements) == 4
            texts.append(export_text(merged.exported()))
    assert texts[0] == texts[1]


def test_two_results_of_a_trial_are_refused_or_the_first_is_kept(
    catalog, other_catalog, samples, tmp_path
):
    trial = samples.trial()
    files = []
    for number, place in enumerate((catalog, other_catalog)):
        place.begin_submission("s", SPEC, [trial])
        place.record_result("s", samples.result(trial, 0.5 + number / 10))
        files.append(exported(place, tmp_path / f"{number}.json"))
    with pytest.raises(CatalogError) as refused, catalog_of(files):
        pass
    for said in (trial.trial_id, *map(str, files), "0.5", "0.6"):
        assert said in str(refused.value)
    with catalog_of(files, keep_first=True) as merged:
        assert merged.results([trial.trial_id])[trial.trial_id].score == 0.5

    with Catalog.open(f"sqlite:///{tmp_path / 'third.sqlite'}") as third:
        third.take_in({"first": read_export(files[0])})
        with pytest.raises(
            CatalogError, match=r"in the catalog at .*third\.sqlite, 0\.6 in second"
        ):
            third.take_in({"second": read_export(files[1])})
        told = third.take_in({"second": read_export(files[1])}, keep_first=True)
        assert told.kept == [trial.trial_id]
        assert third.results([trial.trial_id])[trial.trial_id].score == 0.5


def test_a_sweep_that_somebody_works_on_is_not_imported_into(catalog, samples, tmp_path):
    fill(catalog, samples)
    file = exported(catalog, tmp_path / "results.json")
    submission = catalog.begin_submission("s", SPEC, [samples.trial(seed=9)])
    with pytest.raises(CatalogError, match="works on sweep s now"):
        catalog.take_in({"file": read_export(file)})
    catalog.end_submission(submission.id, SubmissionOutcome.INTERRUPTED)


def test_a_sweep_brings_what_it_builds_on_and_no_measurements(sqlite_catalog, samples, tmp_path):
    fill(sqlite_catalog, samples)
    content = read_export(exported(sqlite_catalog, tmp_path / "results.json", "another"))
    assert [each.name for each in content.sweeps] == ["another"]
    (fusion,) = content.sweeps[0].trials
    by_id = {each.trial_id: each.trial for each in content.trials}
    assert by_id.keys() == {fusion, *by_id[fusion].parents}
    assert content.measurements == ()
    with pytest.raises(CatalogError, match="no sweep 'nothing'; it has: another, s"):
        sqlite_catalog.exported(["nothing"])


def test_curves_may_stay_out_and_what_is_there_keeps_its_own(sqlite_catalog, samples, tmp_path):
    trials = fill(sqlite_catalog, samples)
    whole = exported(sqlite_catalog, tmp_path / "whole.json")
    bare = exported(sqlite_catalog, tmp_path / "bare.json", with_curves=False)
    assert bare.stat().st_size < whole.stat().st_size
    assert sqlite_catalog.take_in({"bare": read_export(bare)}).results == 0
    with catalog_of([bare]) as opened:
        assert opened.epochs(trials[0].trial_id) == []
        here = sqlite_catalog.results([trials[0].trial_id])[trials[0].trial_id]
        there = opened.results([trials[0].trial_id])[trials[0].trial_id]
        assert there == here.model_copy(update={"curve": ()})


def test_no_folder_and_no_person_of_this_machine_is_in_the_file(
    sqlite_catalog, samples, tmp_path, monkeypatch
):
    monkeypatch.setenv("ADAPTERSWEEP_PERSON", "jane@laptop-of-jane")
    trials = fill(sqlite_catalog, samples)
    text = exported(sqlite_catalog, tmp_path / "results.json").read_text()
    for secret in ("/home", "somebody", "secret-project", "jane", "laptop", str(tmp_path)):
        assert secret not in text
    assert "folder:rte" in text  # in the YAML
    assert "folder:minilm" in text
    assert "https://a.b/c and 1/2" in text
    content = read_export(tmp_path / "results.json")
    assert {t.trial_id for t in trials} < {each.trial_id for each in content.trials}


def damaged(file: Path, **changes: object) -> str:
    """Change a file, seal it anew as a forger would, and return why it is refused."""
    content = json.loads(file.read_text()) | changes
    content["sha256"] = _digest({name: content[name] for name in _BODY})
    file.write_text(json.dumps(content))
    with pytest.raises(ExportFileError) as refused:
        read_export(file)
    return str(refused.value)


def test_a_wrong_file_is_refused_with_the_place_in_it(sqlite_catalog, samples, tmp_path):
    fill(sqlite_catalog, samples)
    file = exported(sqlite_catalog, tmp_path / "results.json")
    text = file.read_text()
    good = json.loads(text)

    def refused(changed: str) -> str:
        file.write_text(changed)
        with pytest.raises(ExportFileError) as error:
            read_export(file)
        return str(error.value)

    assert f"{file}:1:1: not JSON" in refused("")
    assert "results.json:3:" in refused("\n".join(text.splitlines()[:3]))
    assert "expected an object with a format number" in refused("[]")
    newer = text.replace('"format":1', '"format":2')
    assert "expected format 1, found 2; upgrade adaptersweep" in refused(newer)
    assert "was changed after it was exported" in refused(text.replace("0.5", "0.9"))
    assert "sweeps: expected a list" in refused('{"format": 1, "sha256": ""}')
    assert "not JSON of an export" in refused("[" * 100_000)

    file.write_text(text)
    some = good["trials"][0]
    first = f"trials[0].state (trial {some['trial_id']}): Input should be"
    assert first in damaged(file, trials=[some | {"state": "dancing"}, *good["trials"][1:]])
    other = some | {"trial_id": "ab" * 10}
    assert "which is the hash of this configuration" in damaged(file, trials=[other])
    assert "which is not there" in damaged(file, trials=good["trials"][:1])
    assert "shared part 'x' is not there" in damaged(file, trials=[{"$": "x"}])
    assert "shared part x holds itself" in damaged(
        file, trials=[{"$": "x"}], shared={"x": [{"$": "x"}]}
    )
    laughs = {f"l{n}": [{"$": f"l{n + 1}"}] * 100 for n in range(9)} | {"l9": [1]}
    assert "found more" in damaged(file, trials=[{"$": "l0"}], shared=laughs)


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(["a", "b", "$", "#", "="]), inner, max_size=3)
            ),
            max_leaves=12,
        ),
        max_size=4,
    )
)
def test_what_is_taken_apart_comes_back_together(values: list[object]) -> None:
    twice = [*values, {"long enough to be shared": values}, {"long enough to be shared": values}]
    apart, shared = take_apart(twice)
    assert as_text([Whole(shared).of(each) for each in apart]) == as_text(twice)


@settings(max_examples=3, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),  # seed
            st.sampled_from(["rte", "cola"]),
            st.sampled_from(["a", "b", "c"]),  # sweep
            st.booleans(),  # finished
            st.sets(st.integers(0, 2), min_size=1),  # machines
        ),
        min_size=1,
        max_size=8,
    ),
    st.permutations([0, 1, 2]),
)
def test_any_pieces_of_sweeps_merge_to_the_same(asked, order) -> None:
    samples = Samples()
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for machine in range(3):
            with Catalog.open(f"sqlite:///{folder}/{machine}.sqlite") as catalog:
                for seed, task, sweep, finished, machines in asked:
                    trial = samples.trial(seed=seed, task=task)
                    if machine in machines:
                        begun = catalog.begin_submission(sweep, f"name: {sweep}\n", [trial])
                        if finished:
                            catalog.record_result(sweep, samples.result(trial))
                        catalog.end_submission(begun.id, SubmissionOutcome.COMPLETED)
                files.append(exported(catalog, Path(folder) / f"{machine}.json"))
        with catalog_of(files) as one, catalog_of([files[n] for n in order]) as other:
            text = export_text(one.exported())
            assert export_text(other.exported()) == text
            write_export(one.exported(), Path(folder) / "merged.json")
            wanted = {
                samples.trial(seed=seed, task=task).trial_id
                for seed, task, _, finished, _ in asked
                if finished
            }
            assert one.finished(row.trial_id for row in one.trials(limit=None)) == wanted
        with catalog_of([Path(folder) / "merged.json"]) as again:
            assert export_text(again.exported()) == text


def test_the_commands_write_and_read_files(tmp_path, samples):
    with Catalog.open(f"sqlite:///{tmp_path / 'here' / 'catalog.sqlite'}") as catalog:
        fill(catalog, samples)
    file, run = tmp_path / "results.json", CliRunner().invoke
    here, there = ["-w", str(tmp_path / "here")], ["-w", str(tmp_path / "there")]
    told = run(app, ["export", "--to", str(file), "--json", *here])
    assert json.loads(told.stdout) == {
        "file": str(file),
        "size_bytes": file.stat().st_size,
        "sweeps": 2,
        "trials": 10,
        "finished": 6,
        "measurements": 2,
    }
    assert run(app, ["import", str(file), *there]).exit_code == 0
    again = json.loads(run(app, ["import", str(file), "--json", *there]).stdout)
    assert again == {"sweeps": 0, "trials": 0, "results": 0, "measurements": 0, "kept": []}
    best = [run(app, ["best", "--json", *place]).stdout for place in (here, there)]
    assert best[0] == best[1] != ""


def test_python_exports_and_imports_too(tmp_path, samples):
    with Catalog.open(f"sqlite:///{tmp_path / 'here' / 'catalog.sqlite'}") as catalog:
        fill(catalog, samples)
    with Sweeps(tmp_path / "here") as here, Sweeps(tmp_path / "there") as there:
        file = here.export("s", to=tmp_path / "s.json")
        assert there.import_(file).trials == 10
        assert there.best("s").equals(here.best("s"))


@pytest.fixture
def elsewhere(sqlite_catalog, samples, tmp_path) -> tuple[Path, list[Trial]]:
    """Give a file with the results of a sweep, and its finished trials."""
    trials = [samples.trial(seed=n) for n in (1, 2)]
    submission = sqlite_catalog.begin_submission("s", SPEC, trials)
    adapter = AdapterFiles(kind="adapter", files={"a": "b"}, digest="c", size_bytes=1)
    kept = PredictionsFile(sha256="ab" * 32, size_bytes=1)
    for trial in trials:
        result = samples.result(trial, adapter=adapter).model_copy(update={"predictions": kept})
        sqlite_catalog.record_result("s", result)
    sqlite_catalog.end_submission(submission.id, SubmissionOutcome.COMPLETED)
    return exported(sqlite_catalog, tmp_path / "results.json"), trials


def test_nothing_takes_imported_results_for_lost_ones(elsewhere, stores, samples):
    file, trials = elsewhere
    run, here = CliRunner().invoke, ["-w", str(stores.workspace.root)]
    assert run(app, ["import", str(file), *here]).exit_code == 0
    ids = [trial.trial_id for trial in trials]
    with Catalog.open(stores.catalog_url) as catalog:
        assert catalog.brought(ids) == set(ids)
        assert look_over(catalog, stores, lost_for_good=False) == []  # what `repair` finds

        open_ = samples.trial(seed=3)
        plan = SimpleNamespace(trials={t.trial_id: t for t in (*trials, open_)})
        missing = find_missing(plan, ids, stores.workspace, brought=ids)
        assert (missing.trials, missing.needed, missing.everything) == (ids, [], False)
        fusion = samples.fusion(*trials)
        plan.trials[fusion.trial_id] = fusion
        missing = find_missing(plan, ids, stores.workspace, brought=ids)
        assert missing.needed == ids
        with pytest.raises(CatalogError, match=r"imported without them.*--retrain-missing"):
            missing.check(plan, stores.workspace)

        standing = Standing(
            trials[0],
            catalog.results(ids)[ids[0]],
            metric="accuracy",
            mean=0.7,
            std=None,
            seeds=1,
            planned=1,
            score=0.7,
        )
        winner = Winner("champion", standing, Ranking.MEAN_OVER_SEEDS)
        with pytest.raises(RegistryError, match=r"is not in this workspace.*was imported"):
            register_winner(catalog, stores, winner, sweep="s")
        with pytest.raises(OrchestratorError, match=r"predictions of .* compare where it was"):
            answered(catalog, list(catalog.rows(ids).values()), stores.workspace)

        submission = catalog.begin_submission("s", "", trials)
        catalog.forget_results(ids)
        catalog.claim(ids, submission.id)
        assert catalog.brought(ids) == set()  # tried here since
    shown = run(app, ["show", ids[0], *here])
    assert shown.exit_code == 0


def test_show_says_where_the_files_of_an_imported_trial_are_not(elsewhere, tmp_path):
    file, trials = elsewhere
    here = ["-w", str(tmp_path / "there")]
    CliRunner().invoke(app, ["import", str(file), *here])
    shown = CliRunner().invoke(app, ["show", trials[0].trial_id, *here])
    assert "not in this workspace: it was imported" in shown.stdout
    assert str(tmp_path / "there" / "trials") not in shown.stdout.partition("adapter:")[2]


def test_mlflow_is_told_imported_results_without_their_files(elsewhere, stores):
    file, trials = elsewhere
    with Catalog.open(stores.catalog_url) as catalog:
        catalog.take_in({"file": read_export(file)})
        assert catalog.count_undelivered("s") == 0  # by itself, an import tells nothing
        catalog.tell_again("s", [trial.trial_id for trial in trials])
        publisher = Publisher(catalog, stores, "s")
        publisher.start()
        try:
            assert publisher.drain(60) == 0
        finally:
            publisher.stop()
