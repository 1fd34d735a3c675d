"""The best trial of each task so far, for whoever watches."""

from dataclasses import dataclass

from workers.contract.trial import Trial


@dataclass(frozen=True)
class Best:
    """The trial of a task with the highest score so far."""

    trial_id: str
    metric: str
    score: float


class BestSoFar(dict[str, Best]):
    """Task → its best trial of all that were noted."""

    def note(self, trial: Trial, metric: str, score: float) -> None:
        """Take in the score of a finished trial."""
        before = self.get(trial.task.name)
        if before is None or score > before.score:
            self[trial.task.name] = Best(trial.trial_id, metric, score)
