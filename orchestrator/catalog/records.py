"""What the catalog hands out: frozen rows without any SQL in them."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import BeforeValidator

from adapter_lib.config.configuration import NonLinearity, Placement, Sharing
from workers.contract.frozen import Frozen
from workers.contract.results import FailureReason
from workers.contract.task_card import Split
from workers.contract.trial import DropMode, Method


class TrialState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"  # terminal: a finished trial never changes
    FAILED = "failed"
    STOPPED = "stopped"  # by a rule of early termination, or it depends on one that was
    BLOCKED = "blocked"  # a trial that it depends on failed


SAME_ANYWHERE = (FailureReason.DIVERGED,)
"""Why a trial failed in one submission that fails in any other too: its content alone decides.

Memory, workers and files may be others there, so of what failed for such reasons each submission
that wants it makes one try of its own.
"""


class SubmissionOutcome(StrEnum):
    COMPLETED = "completed"  # every trial finished, or was stopped by a rule
    BUDGET_REACHED = "budget_reached"  # one of its YAML's `stop`; the rest is left to come
    FAILED = "failed"  # some trials failed or are blocked
    INTERRUPTED = "interrupted"
    TAKEN_OVER = "taken_over"  # it was silent or gone, and another submission wanted its trials


class Request(StrEnum):
    """What people ask of a submission while it runs; it obeys with its next heartbeat."""

    RUN = "run"
    PAUSE = "pause"  # start nothing new until it is asked to run
    STOP = "stop"  # start nothing new, and end when what runs has ended
    CANCEL = "cancel"  # end at once, as by Ctrl-C


class AttemptOutcome(StrEnum):
    FINISHED = "finished"
    FAILED = "failed"
    RELEASED = "released"  # handed back by its submission
    STOPPED = "stopped"  # by a rule of early termination
    LOST = "lost"  # taken over from a submission that was dead


class OutboxKind(StrEnum):
    SWEEP_STARTED = "sweep_started"
    SWEEP_ENDED = "sweep_ended"
    TRIAL_EPOCH = "trial_epoch"
    TRIAL_FINISHED = "trial_finished"
    TRIAL_FAILED = "trial_failed"
    TRIAL_STOPPED = "trial_stopped"


class Submission(Frozen):
    """One call of `submit`: the process that may claim trials.

    Attributes:
        submitted_by: user@host; empty where it was not kept.
        job: its id in Ray's Jobs API, None where it was started without.
        wants_workers: whether it had more to run than workers at its last heartbeat.
        gpu_s: for how long its workers held GPUs, times how many.
        ended_by: the budget of its YAML that was reached, in words; None where none was.
    """

    id: int
    sweep: str
    spec_digest: str
    host: str
    pid: int
    process_started_at: str
    submitted_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None = None
    outcome: SubmissionOutcome | None = None
    submitted_by: str = ""
    job: str | None = None
    request: Request = Request.RUN
    requested_by: str | None = None
    wants_workers: bool = False
    gpu_s: float = 0.0
    ended_by: str | None = None


class Control(Frozen):
    """What a running submission is to obey.

    Attributes:
        max_workers: as many as it may have, whatever its YAML says; None for what that says.
        outranked_by: a sweep of higher priority that has more to run than workers.
    """

    request: Request = Request.RUN
    requested_by: str | None = None
    max_workers: int | None = None
    outranked_by: str | None = None


class SweepRow(Frozen):
    """A sweep with the number of its trials in each state.

    Attributes:
        counts: of the trials that its last submission asked for; what a dead submission was running
            is pending.
        earlier: trials that only earlier submissions asked for, all of them finished.
        lost: whether nobody works on the last submission although it has not ended: its process
            is gone, or was silent for two minutes.
        archived: whether it is out of sight unless it is asked for.
        priority: sweeps with a higher one are given workers first.
        max_workers: how many it may have, None for what its YAML says.
    """

    name: str
    created_at: datetime
    submissions: int
    last_submission: Submission | None
    counts: dict[TrialState, int]
    earlier: int = 0
    lost: bool = False
    archived: bool = False
    priority: int = 0
    max_workers: int | None = None

    @property
    def trials(self) -> int:
        return sum(self.counts.values())


Whole = Annotated[int, Ge(-(2**63)), Le(2**63 - 1)]
"""As large as any column is."""


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class TrialRow(Frozen):
    """One trial's columns. Its full configuration and result: `planned` and `results`.

    Attributes:
        configuration: the same for trials that differ by seed alone.
        fingerprint: of the task's rows; scores of other fingerprints cannot be compared.
        unsaid: settings that the label leaves out and that are not the usual ones.
        metric: what the score is, planned before it is there.
        drop_depth: the depth it was trained for; 0 unless specialised.
        score: the primary metric on validation at the trial's own depth.
        failure_message: also why it is blocked, or was stopped.
    """

    trial_id: str
    configuration: str
    method: Method
    base_name: str
    base_identity: str
    task: str
    fingerprint: str
    drop_mode: DropMode
    drop_depth: int
    placement: Placement | None
    bottleneck_size: int | None
    sharing: Sharing | None
    non_linearity: NonLinearity | None
    keep: int | None
    seed: int
    learning_rate: float
    label: str
    unsaid: Annotated[dict[str, Any], BeforeValidator(_parsed)]
    state: TrialState
    metric: str | None
    score: float | None
    best_epoch: int | None
    trained_parameters: int | None
    stored_parameters: int | None
    duration_s: float | None
    failure_reason: FailureReason | None
    failure_message: str | None
    claimed_by: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Stop(Frozen):
    """Why a rule of early termination stopped a trial, with all others of its configuration.

    Attributes:
        sweep: whose rule it was; `settings` are those of its `early_termination`.
        epoch: after which the configuration was compared with others.
        score: its own there, the mean over `seeds` of its seeds.
        bar: what it would have needed.
        compared: how many configurations were compared, itself included.
        best: a trial of the one with the highest score there, which is `best_score`.
        message: all that in a sentence.
    """

    sweep: str
    settings: dict[str, Any]
    epoch: int
    score: float
    seeds: int
    bar: float
    compared: int
    best: str
    best_score: float
    message: str


class TrialFilter(Frozen):
    """Which trials; None leaves a column free.

    Attributes:
        text: what a trial's label contains, in any case of letters.
    """

    sweep: str | None = None
    task: str | None = None
    method: Method | None = None
    state: TrialState | None = None
    base: str | None = None
    drop_mode: DropMode | None = None
    drop_depth: Whole | None = None
    seed: Whole | None = None
    min_score: float | None = None
    max_score: float | None = None
    placement: Placement | None = None
    bottleneck_size: Whole | None = None
    sharing: Sharing | None = None
    non_linearity: NonLinearity | None = None
    keep: Whole | None = None
    learning_rate: float | None = None
    metric: str | None = None
    reason: FailureReason | None = None
    configuration: str | None = None
    text: str | None = None


class ScoreRow(Frozen):
    """One metric of a trial on one split at one drop depth."""

    split: Split
    depth: int
    metric: str
    value: float


class OverSeeds(Frozen):
    """A mean over seeds, with the sample's standard deviation, None for a single one."""

    mean: float
    std: float | None
    seeds: int


class LeaderboardRow(Frozen):
    """One configuration over its seeds, in the table of its task, fingerprint and metric.

    Attributes:
        label: the trials' label without the seed, and whatever differs within the table.
        mean: of the scores on validation; `std` is the sample's, None for a single seed.
        seeds: how many have a score, of `planned` that were asked for.
        test: over the same seeds, as far as they have a test score; None where none has.
        best: the trial with the highest score, on a tie the one with the lowest seed.
    """

    task: str
    fingerprint: str
    metric: str
    configuration: str
    label: str
    mean: float
    std: float | None
    seeds: int
    planned: int
    test: OverSeeds | None
    best: TrialRow

    @property
    def complete(self) -> bool:
        """Whether every seed that was asked for has a score, so that the mean can be trusted."""
        return self.seeds == self.planned

    @property
    def table(self) -> tuple[str, str, str]:
        """What must be equal for scores to be compared."""
        return self.task, self.fingerprint, self.metric


class AttemptRow(Frozen):
    """One try at a trial."""

    trial_id: str
    submission: int | None
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    message: str | None


class FailureRow(Frozen):
    """A trial that failed, or is blocked, and why; its label says what its sweep sweeps."""

    trial_id: str
    label: str
    task: str
    state: TrialState
    reason: FailureReason | None
    message: str
    attempts: int
    ended_at: datetime | None


class OutboxEntry(Frozen):
    """Something that the tracking server has still to be told."""

    id: int
    sweep: str
    kind: OutboxKind
    trial_id: str | None
    payload: dict[str, Any]
    created_at: datetime
    tries: int
    last_error: str | None


class MoveKind(StrEnum):
    """Why an alias names what it names."""

    REGISTERED = "registered"  # better than what it named, or the first
    FORCED = "forced"
    ROLLED_BACK = "rolled back"
    STAYED = "stayed"  # a winner that was not better; the alias did not move
    FOUND = "found"  # moved by somebody who does not write into this catalog


class AliasMove(Frozen):
    """One entry in the history of an alias of the registry.

    Attributes:
        name: the registered model in MLflow, of one `task` and `base`.
        from_version: what the alias named before; None where it named nothing.
        to_version: what it names since then.
        trial_id, score: of the adapter that came, or for `STAYED` of the one that was refused.
        moved_by: user@host; `sweep` is None where a person did it by hand.
    """

    id: int = 0
    name: str
    task: str
    base: str
    alias: str
    kind: MoveKind
    from_version: str | None
    to_version: str | None
    trial_id: str | None
    score: float | None
    why: str
    sweep: str | None = None
    moved_by: str
    moved_at: datetime
