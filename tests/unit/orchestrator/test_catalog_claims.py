"""Claims under competition: between threads, between processes, and against the dead."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import update

from orchestrator.catalog import AttemptOutcome, Catalog, TrialState, tables
from orchestrator.catalog.store import now

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
from workers.trial import Trial
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
    assert catalog.claim([trial.trial_id], first.id) == {trial.trial_id}
    second = catalog.begin_submission("s", "", [trial])
    assert catalog.claim([trial.trial_id], second.id) == set()
    assert catalog.claim([trial.trial_id], first.id) == set()
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
    assert catalog.claim([trial.trial_id], submission.id) == {trial.trial_id}
    assert catalog.trial(trial.trial_id).claimed_by == submission.id
    outcomes = [a.outcome for a in catalog.attempts(trial.trial_id)]
    assert outcomes == [AttemptOutcome.LOST, None]


def test_a_reused_process_id_is_not_mistaken_for_the_one_that_died(catalog, samples):
    trial = samples.trial()
    dead = catalog.begin_submission("s", "", [trial])
    catalog.claim([trial.trial_id], dead.id)
    set_submission(catalog, dead.id, process_started_at="another boot:17")
    submission = catalog.begin_submission("s", "", [trial])
    assert catalog.claim([trial.trial_id], submission.id) == {trial.trial_id}


def test_a_submission_on_another_host_is_dead_after_two_silent_minutes(catalog, samples):
    trial = samples.trial()
    far = catalog.begin_submission("s", "", [trial])
    catalog.claim([trial.trial_id], far.id)
    near = catalog.begin_submission("s", "", [trial])
    silent_s = {"short": 110, "long": 130}
    for length, taken in (("short", set()), ("long", {trial.trial_id})):
        spoke_at = now() - timedelta(seconds=silent_s[length])
        set_submission(catalog, far.id, host="elsewhere", heartbeat_at=spoke_at)
        assert catalog.claim([trial.trial_id], near.id) == taken


def test_one_process_at_a_time_publishes_a_sweep(catalog, samples):
    catalog.begin_submission("s", "", [samples.trial()])
    assert not catalog.take_publishing("unknown")
    assert catalog.take_publishing("s")
    assert catalog.take_publishing("s")

    def held_by(**changes: object) -> None:
        from orchestrator.catalog.process import ProcessIdentity

        other = ProcessIdentity.current().model_copy(update=changes).model_dump_json()
        with catalog._writing() as connection:
            connection.execute(update(tables.sweeps).values(publisher=other))

    held_by(host="elsewhere")
    assert not catalog.take_publishing("s")
    catalog.give_up_publishing("s")  # not ours to give
    assert not catalog.take_publishing("s")
    held_by(started_at="another boot:17")
    assert catalog.take_publishing("s")
