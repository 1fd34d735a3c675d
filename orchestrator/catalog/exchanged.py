"""What leaves one catalog and enters another: sweeps, trials with results, and measured times."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from orchestrator.catalog.measurements import MeasurementRow
from orchestrator.catalog.records import Stop, SubmissionOutcome, TrialState
from workers.contract.frozen import Frozen
from workers.contract.results import FailureReason, TrialResult
from workers.contract.trial import RECIPE_VERSION, Trial

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{20}$")]


class ExchangedTrial(Frozen):
    """A trial with all that is known of it, but for its files and the attempts at it.

    Attributes:
        configuration: the same for trials that differ by seed alone.
        recipe: the version of what trials result in that it was made for.
        state: never running: nobody runs what stands in a file.
    """

    trial_id: Id
    configuration: Id
    recipe: Annotated[int, Field(ge=1)]
    trial: Trial
    state: TrialState
    result: TrialResult | None = None
    failure_reason: FailureReason | None = None
    failure_message: str | None = None
    stopped: Stop | None = None
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _named_by_its_content(self) -> Self:
        # Of earlier recipes the content was written otherwise.
        if self.recipe == RECIPE_VERSION and self.trial.trial_id != self.trial_id:
            raise ValueError(
                f"expected trial {self.trial.trial_id}, which is the hash of this configuration, "
                f"found {self.trial_id}"
            )
        return self

    @model_validator(mode="after")
    def _parts_fit_the_state(self) -> Self:
        if self.state is TrialState.RUNNING:
            raise ValueError("expected a trial that nobody runs, found state running")
        if (self.state is TrialState.FINISHED) != (self.result is not None):
            raise ValueError(f"expected a result of finished trials alone, found {self.state}")
        if self.result is not None and self.result.trial_id != self.trial_id:
            raise ValueError(
                f"expected the result of trial {self.trial_id}, found {self.result.trial_id}'s"
            )
        return self

    def agrees_with(self, result: TrialResult) -> bool:
        """Tell whether a result is this one; a learning curve may have been left out of either."""
        own = self.result
        if own is not None and not (own.curve and result.curve):
            bare: dict[str, tuple[()]] = {"curve": ()}
            return own.model_copy(update=bare) == result.model_copy(update=bare)
        return own == result


class ExchangedSweep(Frozen):
    """A sweep: what was submitted last, and the trials that it asked for.

    Attributes:
        spec_yaml: the text as it was submitted, without folders of the machine.
        submitted_at, ended_at, outcome: of the last submission.
        trials: that it asked for; `earlier` are those that only earlier ones did.
        stoppable: those of all that a rule of early termination may stop.
    """

    name: Annotated[str, StringConstraints(min_length=1)]
    created_at: AwareDatetime
    archived_at: AwareDatetime | None = None
    spec_yaml: str
    submitted_at: AwareDatetime
    ended_at: AwareDatetime
    outcome: SubmissionOutcome
    trials: tuple[Id, ...]
    earlier: tuple[Id, ...] = ()
    stoppable: tuple[Id, ...] = ()


class ExchangedMeasurement(Frozen):
    """A measured cell, and its place in the run of the cells that took turns."""

    place: Annotated[int, Field(ge=0)]
    row: MeasurementRow

    def agrees_with(self, other: Self) -> bool:
        """Tell whether it is the same, whatever the folders of the machine were called.

        The conditions need no second look: `asked` is the hash of them as they were.
        """
        apart = {"conditions", "measured_by"}
        rows = self.row.model_dump(exclude=apart), other.row.model_dump(exclude=apart)
        return self.place == other.place and rows[0] == rows[1]


class Exchanged(Frozen):
    """All of it, sorted: sweeps by name, trials by id, measurements by run and place."""

    sweeps: tuple[ExchangedSweep, ...]
    trials: tuple[ExchangedTrial, ...]
    measurements: tuple[ExchangedMeasurement, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        _check_once("sweep", (each.name for each in self.sweeps))
        _check_once("trial", (each.trial_id for each in self.trials))
        _check_once("measurement", (each.row.measurement_id for each in self.measurements))
        return self

    @model_validator(mode="after")
    def _complete(self) -> Self:
        known = {each.trial_id for each in self.trials}
        for sweep in self.sweeps:
            if lost := {*sweep.trials, *sweep.earlier} - known:
                raise ValueError(f"sweep {sweep.name} has trial {min(lost)}, which is not there")
        for each in self.trials:
            if lost := set(each.trial.parents) - known:
                raise ValueError(f"trial {each.trial_id} builds on {min(lost)}, which is not there")
        return self


def _check_once(kind: str, ids: Iterable[str]) -> None:
    for name, times in Counter(ids).items():
        if times > 1:
            raise ValueError(f"expected every {kind} once, found {name} {times} times")
