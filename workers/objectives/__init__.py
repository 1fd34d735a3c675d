"""What each kind of task is: how rows become tokens, logits a loss, and logits answers and scores.

Everything else in `workers` (training, measuring, predicting) is the same for all of them.
"""

from workers.contract.task_card import TaskCard, TaskKind
from workers.contract.trial import Method, Trial
from workers.objectives.answers import Spans
from workers.objectives.base import Objective as Objective
from workers.objectives.base import Prediction as Prediction
from workers.objectives.choices import Choices
from workers.objectives.masked import MaskedWords
from workers.objectives.sentences import Classes, Values
from workers.objectives.words import Tags

_OBJECTIVES: dict[TaskKind, type[Objective]] = {
    TaskKind.CLASSIFICATION: Classes,
    TaskKind.REGRESSION: Values,
    TaskKind.MULTIPLE_CHOICE: Choices,
    TaskKind.SPAN: Spans,
    TaskKind.TOKEN_CLASSIFICATION: Tags,
}


def objective_for(card: TaskCard) -> Objective:
    """Return the objective of a task."""
    return _OBJECTIVES[card.kind](card)


def objective_of(trial: Trial) -> Objective:
    """Return what a trial trains for: its task, or its task's texts in pre-training."""
    card = trial.task.card
    return MaskedWords(card) if trial.method is Method.PRETRAINING else objective_for(card)
