"""Claims under competition: between threads, between processes, and against the dead."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import update

from orchestrator.catalog import (
    AttemptOutcome,
    Catalog,
    SubmissionOutcome,
    TrialState,
    store,
    tables,
)
from orchestrator.catalog.process import ProcessIdentity
from orchestrator.catalog.store import now
from orchestrator.errors import SubmissionOverError
from workers.contract.results import FailureReason, TrialFailure

CLAIM = """
import json, sys
from orchestrator.catalog import Catalog
url, submission, ids = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
with Catalog.open(url) as catalog:
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps([t for t in ids if catalog.claim([t], submission)]), flush=True)
"""

SUBMIT_AND_DIE = """
import json, os, signal, sys
from orchestrator.catalog import Catalog
from workers.contract.trial import Trial
url, trial = sys.argv[1], Trial.model_validate_json(sys.argv[2])
catalog = Catalog.open(url)
submission = catalog.begin_submission("s", "", [trial])
catalog.claim([trial.trial_id], submission.id)
os.kill(os.getpid(), signal.SIGKILL)
"""


def set_submission(catalog: Catalog, submission_id: int, **values: object) -> None:
    with catalog._writing() as connection:
        row = tables.submissions.c.id == submission_id
        connection.execute(update(tables.submissions).where(row).values(**values))


SUBMIT_AND_LIVE = SUBMIT_AND_DIE.replace(
    "os.kill(os.getpid(), signal.SIGKILL)", 'print("ready", flush=True)\nsys.stdin.readline()'
)


def earlier_process() -> str:
    """Say when a process started that had this one's id, here, before this one."""
    here = ProcessIdentity.current().started_at.partition(":")[0]
    return f"{here}:17"


def test_threads_never_share_a_trial(catalog, many):
    trials = many(60)
    ids = [t.trial_id for t in trials]
    submissions = [catalog.begin_submission("s", "", trials).id for _ in range(4)]
    together = Barrier(4)

    def claim_one_by_one(submission: int) -> list[str]:
        together.wait()
        return [t for t in ids if catalog.claim([t], submission)]

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(claim_one_by_one, submissions))
    assert sorted(t for share in shares for t in share) == sorted(ids)


def test_processes_never_share_a_trial(catalog, catalog_url, many):
    trials = many(60)
    ids = [t.trial_id for t in trials]
    claimants = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, catalog_url, str(submission), json.dumps(ids)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for submission in (catalog.begin_submission("s", "", trials).id for _ in range(2))
    ]
    for claimant in claimants:
        assert claimant.stdout.readline() == "ready\n"
    for claimant in claimants:
        claimant.stdin.write("go\n")
        claimant.stdin.flush()
    shares = [json.loads(c.communicate(timeout=60)[0]) for c in claimants]
    assert sorted(t for share in shares for t in share) == sorted(ids)
    assert len(catalog.attempts(ids[0])) == 1


def test_a_running_trial_of_a_living_submission_is_not_taken(catalog, samples):
    trial = samples.trial()
    first = catalog.begin_submission("s", "", [trial])
    assert set(catalog.claim([trial.trial_id], first.id)) == {trial.trial_id}
    second = catalog.begin_submission("s", "", [trial])
    assert not catalog.claim([trial.trial_id], second.id)
    assert not catalog.claim([trial.trial_id], first.id)
    assert catalog.release([trial.trial_id], second.id) == set()
    assert catalog.trial(trial.trial_id).claimed_by == first.id


def test_what_a_killed_process_held_is_taken_over(catalog, catalog_url, samples):
    trial = samples.trial()
    killed = subprocess.run(
        [sys.executable, "-c", SUBMIT_AND_DIE, catalog_url, trial.model_dump_json()], timeout=60
    )
    assert killed.returncode == -9
    assert catalog.states("s") == {trial.trial_id: TrialState.RUNNING}
    submission = catalog.begin_submission("s", "", [trial])
    assert set(catalog.claim([trial.trial_id], submission.id)) == {trial.trial_id}
    assert catalog.trial(trial.trial_id).claimed_by == submission.id
    outcomes = [a.outcome for a in catalog.attempts(trial.trial_id)]
    assert outcomes == [AttemptOutcome.LOST, None]


def test_a_reused_process_id_is_not_mistaken_for_the_one_that_died(catalog, samples):
    trial = samples.trial()
    dead = catalog.begin_submission("s", "", [trial])
    catalog.claim([trial.trial_id], dead.id)
    set_submission(catalog, dead.id, process_started_at=earlier_process())
    submission = catalog.begin_submission("s", "", [trial])
    assert set(catalog.claim([trial.trial_id], submission.id)) == {trial.trial_id}


def test_a_submission_on_another_host_is_dead_after_two_silent_minutes(catalog, samples):
    trial = samples.trial()
    far = catalog.begin_submission("s", "", [trial])
    catalog.claim([trial.trial_id], far.id)
    near = catalog.begin_submission("s", "", [trial])
    silent_s = {"short": 110, "long": 130}
    for length, taken in (("short", set()), ("long", {trial.trial_id})):
        spoke_at = now() - timedelta(seconds=silent_s[length])
        set_submission(catalog, far.id, host="elsewhere", heartbeat_at=spoke_at)
        assert set(catalog.claim([trial.trial_id], near.id)) == taken


def test_a_dead_submission_that_holds_nothing_ends_with_the_next_one_of_its_sweep(catalog, samples):
    trial = samples.trial()
    for sweep in ("s", "t"):
        dead = catalog.begin_submission(sweep, "", [trial])
        set_submission(catalog, dead.id, process_started_at=earlier_process())
    living = catalog.begin_submission("s", "", [trial])
    assert [each.id for each in catalog.open_submissions()[0]] == [living.id]
    assert [each.id for each in catalog.open_submissions()[1]] == [dead.id], "it may be looked at"
    again = catalog.begin_submission("s", "", [trial])
    assert [each.id for each in catalog.open_submissions()[0]] == [living.id, again.id]


def test_one_process_at_a_time_publishes_a_sweep(catalog, samples):
    catalog.begin_submission("s", "", [samples.trial()])
    assert not catalog.take_publishing("unknown")
    assert catalog.take_publishing("s")
    assert catalog.take_publishing("s")

    def held_by(**changes: object) -> None:
        other = ProcessIdentity.current().model_copy(update=changes).model_dump_json()
        with catalog._writing() as connection:
            connection.execute(update(tables.sweeps).values(publisher=other))

    held_by(host="elsewhere")
    assert not catalog.take_publishing("s")
    catalog.give_up_publishing("s")  # not ours to give
    assert not catalog.take_publishing("s")
    held_by(started_at="another boot:17")
    assert not catalog.take_publishing("s"), "of another boot nothing is known"
    held_by(started_at=earlier_process())
    assert catalog.take_publishing("s")


def failure(trial, reason: FailureReason = FailureReason.WORKER_LOST) -> TrialFailure:
    return TrialFailure(
        trial_id=trial.trial_id,
        reason=reason,
        message="its node went away",
        at_unix_ms=1_760_000_000_000,
    )


def test_what_failed_elsewhere_or_is_blocked_can_be_claimed(catalog, samples):
    """Otherwise whoever waits for it while another one runs it waits for ever."""
    source, other = samples.trial(seed=1), samples.trial(seed=2, task="cola")
    fusion = samples.fusion(source, other)
    everything = [source, other, fusion]
    first = catalog.begin_submission("s", "", everything)
    second = catalog.begin_submission("t", "", everything)
    catalog.claim([source.trial_id], first.id)
    assert not catalog.claim([source.trial_id], second.id)
    assert catalog.record_failure("s", failure(source), by=first.id)
    catalog.record_blocked([fusion.trial_id], "its source failed")
    ids = [source.trial_id, fusion.trial_id]
    assert set(catalog.claim(ids, second.id)) == set(ids)
    row = catalog.trial(source.trial_id)
    assert (row.state, row.claimed_by) == (TrialState.RUNNING, second.id)
    assert (row.failure_reason, row.failure_message) == (None, None)


def test_what_diverged_is_not_claimed_until_it_is_submitted_again(catalog, samples):
    trial = samples.trial()
    first = catalog.begin_submission("s", "", [trial])
    second = catalog.begin_submission("t", "", [trial])
    catalog.claim([trial.trial_id], first.id)
    catalog.record_failure("s", failure(trial, FailureReason.DIVERGED), by=first.id)
    assert not catalog.claim([trial.trial_id], second.id)
    third = catalog.begin_submission("s", "", [trial])
    assert catalog.claim([trial.trial_id], third.id)


def test_every_claim_of_a_trial_has_a_higher_number(catalog, samples):
    trial = samples.trial()
    submission = catalog.begin_submission("s", "", [trial])
    numbers = []
    for _ in range(3):
        numbers.append(catalog.claim([trial.trial_id], submission.id)[trial.trial_id])
        catalog.release([trial.trial_id], submission.id)
    assert numbers == sorted(set(numbers))


def test_an_owner_that_was_taken_over_can_write_nothing_more(catalog, samples):
    trial, rest = samples.trial(seed=1), samples.trial(seed=2)
    slept = catalog.begin_submission("s", "", [trial, rest])
    catalog.claim([trial.trial_id, rest.trial_id], slept.id)
    heir = catalog.begin_submission("t", "", [trial])
    set_submission(catalog, slept.id, heartbeat_at=now() - timedelta(seconds=130))
    assert set(catalog.claim([trial.trial_id], heir.id)) == {trial.trial_id}
    assert catalog.trial(rest.trial_id).state is TrialState.PENDING, "all it held is free"

    with pytest.raises(SubmissionOverError, match=r"silent for more than 120 s.*submit again"):
        catalog.heartbeat(slept.id)
    with pytest.raises(SubmissionOverError, match="took its trials over"):
        catalog.claim([rest.trial_id], slept.id)
    for own in (trial, rest):
        assert not catalog.record_failure("s", failure(own), by=slept.id)
        assert not catalog.record_epoch("s", own.trial_id, samples.epoch(1), by=slept.id)
    assert catalog.release([trial.trial_id], slept.id) == set()
    catalog.end_submission(slept.id, SubmissionOutcome.COMPLETED)
    row = catalog.trial(trial.trial_id)
    assert (row.state, row.claimed_by) == (TrialState.RUNNING, heir.id)
    assert catalog.record_epoch("t", trial.trial_id, samples.epoch(1), by=heir.id)
    catalog.heartbeat(heir.id)
    last = next(s.last_submission for s in catalog.sweeps() if s.name == "s")
    assert last is not None
    assert last.outcome is SubmissionOutcome.TAKEN_OVER

    assert catalog.record_result("s", samples.result(trial)), "what is committed counts, always"


def test_a_living_owner_keeps_its_trials_though_clocks_differ(
    catalog, catalog_url, samples, monkeypatch
):
    """Only of PostgreSQL: all who open a SQLite file have one clock."""
    if catalog_url.startswith("sqlite"):
        pytest.skip("one machine, one clock")
    trial = samples.trial()
    far = catalog.begin_submission("s", "", [trial])
    catalog.claim([trial.trial_id], far.id)
    catalog.take_publishing("s")
    set_submission(catalog, far.id, host="elsewhere")
    with catalog._writing() as connection:
        holder = ProcessIdentity.current().model_copy(update={"host": "elsewhere"})
        values = update(tables.sweeps).values(publisher=holder.model_dump_json())
        connection.execute(values)
    monkeypatch.setattr(store, "now", lambda: now() + timedelta(minutes=10))
    ahead = catalog.begin_submission("s", "", [trial])
    assert not catalog.claim([trial.trial_id], ahead.id)
    assert not catalog.take_publishing("s")
    catalog.heartbeat(far.id)


def test_a_living_owner_in_another_container_of_the_same_name_keeps_its_trials(
    catalog, catalog_url, samples
):
    """Its process id means another process here, or none."""
    unshare = shutil.which("unshare")
    apart = [str(unshare), "--pid", "--fork", "--mount-proc", "--kill-child"]
    if unshare is None or subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("no namespace of process ids can be made here")
    trial = samples.trial()
    command = [*apart, sys.executable, "-c", SUBMIT_AND_LIVE, catalog_url, trial.model_dump_json()]
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout.readline() == "ready\n"
        submission = catalog.begin_submission("s", "", [trial])
        assert not catalog.claim([trial.trial_id], submission.id)
        assert catalog.states("s") == {trial.trial_id: TrialState.RUNNING}
    finally:
        owner.communicate("end\n", timeout=60)


def test_a_process_that_cannot_be_seen_is_not_known_dead():
    here = ProcessIdentity.current()
    assert not here.known_dead
    assert here.model_copy(update={"started_at": earlier_process()}).known_dead
    for unseen in ({"host": "elsewhere"}, {"started_at": "another boot:17"}):
        assert not here.model_copy(update=unseen).known_dead
