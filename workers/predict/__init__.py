"""Use trained adapters: one or several over one base, at a depth or within a latency budget."""

from workers.objectives import Prediction as Prediction
from workers.predict.latency_budget import LatencyBudget as LatencyBudget
from workers.predict.many_tasks import ManyTasks as ManyTasks
from workers.predict.predictor import Predictor as Predictor
