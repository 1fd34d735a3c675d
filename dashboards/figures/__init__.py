"""Every figure, drawn once and used everywhere: pages, reports, MLflow, files, notebooks."""

from collections.abc import Mapping

from dashboards.figures.attention import ATTENTION, TRANSFER
from dashboards.figures.drop_curves import DROP_CURVES, FUSION_DROP
from dashboards.figures.figure import Figure
from dashboards.figures.initial_scale import INITIALISATION
from dashboards.figures.pareto import PARETO, PARETO_BYTES, PARETO_LATENCY, PARETO_TIME
from dashboards.figures.pruning import PRUNING
from dashboards.figures.removal import REMOVAL, SPANS
from dashboards.figures.savings import SAVINGS
from dashboards.figures.seeds import SEEDS
from dashboards.figures.sharing import SHARING_FIGURE
from dashboards.figures.trained_parameters import HOULSBY
from dashboards.figures.training import LEARNING_CURVES, LEARNING_RATES

FIGURES: Mapping[str, Figure] = {
    figure.name: figure
    for figure in (
        *(DROP_CURVES, SHARING_FIGURE, HOULSBY),
        *(SPANS, REMOVAL, INITIALISATION),
        *(FUSION_DROP, PRUNING, ATTENTION, TRANSFER),
        *(PARETO, PARETO_BYTES, PARETO_LATENCY, PARETO_TIME),
        *(SEEDS, LEARNING_RATES, LEARNING_CURVES, SAVINGS),
    )
}
"""Name → figure, in the order of a report."""
