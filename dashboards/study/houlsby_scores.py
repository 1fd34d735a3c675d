"""Houlsby et al.'s claims about scores and sizes."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from dashboards.comparing import Line, Panel, choose
from dashboards.figures.initial_scale import scale_of
from dashboards.figures.removal import HIGHEST, LOWEST, Ablated, ablated
from dashboards.figures.trained_parameters import trained
from dashboards.study.claims import Paper, PaperClaim, Read
from dashboards.study.estimates import POINT, AtLeast, AtMost, Estimate, Sides, Unit, Within, points
from dashboards.study.evidence import SHAPE, Evidence, Side, lines, trials_at, whole
from workers.contract.trial import DropMode, Method

_HOULSBY = "houlsby"
_NO_SCALE = tuple(name for name in SHAPE if name != "initial_std")
_NO_SIZE = tuple(name for name in SHAPE if name != "bottleneck_size")
FULL = Side(lines(Method.FULL_FINE_TUNING), whole)
_PERCENT = 100


def _adapters(panel: Panel) -> list[Line]:
    """Return adapters as that paper has them: two in every layer, with usual initial weights."""
    return [
        line
        for line in panel.of(Method.ADAPTER, mode=DropMode.NONE)
        if line.settings.get("placement") == _HOULSBY and line.settings.get("initial_std") is None
    ]


ADAPTERS = Side(_adapters, whole)


def _points(
    one: Side, other: Side, evidence: Evidence, *, alike: Sequence[str] = ()
) -> Estimate | None:
    return points(evidence.compare(one, other, alike=alike))


def _sized(evidence: Evidence, share: int) -> Side:
    """Pick adapters whose bottleneck is one in `share` of the hidden size."""

    def pick(panel: Panel) -> list[Line]:
        size = evidence.hidden_size(panel) // share
        return [line for line in _adapters(panel) if line.settings["bottleneck_size"] == size]

    return Side(pick, whole)


def _between_sizes(one: int, other: int, evidence: Evidence) -> Estimate | None:
    return _points(_sized(evidence, one), _sized(evidence, other), evidence, alike=_NO_SIZE)


def _trained_share(evidence: Evidence) -> Estimate | None:
    """Return what the best adapters train, in percent of what full fine-tuning trains."""
    shares: list[float] = []
    traces: list[str] = []
    for panel in evidence.panels:
        pair = [choose(side.pick(panel)) for side in (ADAPTERS, FULL)]
        if all(pair):
            one, other = (found[0].line for found in pair)
            shares.append(_PERCENT * trained(one) / trained(other))
            traces += [*trials_at(one, 0), *trials_at(other, 0)]
    if not shares:
        return None
    mean, basis = sum(shares) / len(shares), f"{len(shares)} tasks, counted"
    return Estimate(mean, (min(shares), max(shares)), Unit.PERCENT, basis, tuple(traces))


def _top_layer(panel: Panel) -> list[Line]:
    return [line for line in panel.of(Method.TOP_LAYERS) if line.settings.get("layers") == 1]


def _ablated(
    evidence: Evidence, read: Callable[[Ablated, Panel], tuple[Mapping[int, float], ...] | None]
) -> Estimate | None:
    """Compare two scores of trained adapters without some of their layers."""
    sides: tuple[dict[str, dict[int, float]], ...] = ({}, {})
    traces: list[str] = []
    for panel in evidence.panels:
        for found in ablated(evidence.results, panel):
            if not found.spans or (pair := read(found, panel)) is None:
                continue
            for side, scores in zip(sides, pair, strict=True):
                side[panel.title] = dict(scores)
            traces += [
                row.trial_id
                for line in [found.chosen.line, *panel.of(Method.PRUNED_ADAPTER)]
                for row in line.rows
                if row.score is not None
            ]
    return points(Sides(sides[0], sides[1], tuple(dict.fromkeys(traces))))


def _worst_single(found: Ablated, panel: Panel) -> tuple[Mapping[int, float], ...] | None:
    single = [scores for (first, last), scores in found.spans.items() if first == last]
    if not single:
        return None
    return min(single, key=lambda scores: sum(scores.values()) / len(scores)), found.whole


def _all_layers(found: Ablated, panel: Panel) -> tuple[Mapping[int, float], ...] | None:
    none_left = found.spans.get((0, found.layers - 1))
    if none_left is None:
        return None
    return none_left, dict.fromkeys(none_left, panel.majority)


def _lower_half(found: Ablated, panel: Panel) -> tuple[Mapping[int, float], ...] | None:
    half = found.layers // 2
    lowest, highest = (found.without(order).get(half) for order in (LOWEST, HIGHEST))
    return None if lowest is None or highest is None else (lowest, highest)


def _scaled(low: float, high: float) -> Side:
    """Pick adapters whose initial weights have a standard deviation in a range."""

    def pick(panel: Panel) -> list[Line]:
        found = panel.of(Method.ADAPTER, mode=DropMode.NONE)
        return [line for line in found if low <= (scale_of(line) or 0.0) <= high]

    return Side(pick, whole)


def _scales(one: Side, other: Side, evidence: Evidence) -> Estimate | None:
    return _points(one, other, evidence, alike=_NO_SCALE)


_claim = partial(PaperClaim, paper=Paper.HOULSBY)
_SMALL, _USUAL, _LARGE = _scaled(3e-5, 3e-4), _scaled(5e-3, 2e-2), _scaled(1.0, 1.0)

SCORES = (
    _claim(
        key="near-full-fine-tuning",
        where="abstract, table 1",
        says="On GLUE, adapters score within 0.4 points of full fine-tuning.",
        number="80.0 against 80.4",
        read=Read.PAPER,
        test=AtLeast(-0.4),
        measure=partial(_points, ADAPTERS, FULL),
        sweep="houlsby_table1",
        measured_as="the best adapter of each task minus full fine-tuning, on validation",
    ),
    _claim(
        key="trained-share",
        where="abstract, table 1",
        says="Adapters train 3.6 % of the parameters for each task.",
        number="3.6 %",
        read=Read.PAPER,
        test=AtMost(3.6),
        measure=_trained_share,
        sweep="houlsby_table1",
        measured_as="parameters with gradients, in percent of full fine-tuning's",
    ),
    _claim(
        key="over-top-layer",
        where="figure 4",
        says="Adapters score higher than fine-tuning the top layer alone, with fewer parameters.",
        number="83.7 against 77.8 (MNLI)",
        read=Read.PAPER,
        test=AtLeast(0.0),
        measure=partial(_points, ADAPTERS, Side(_top_layer, whole)),
        sweep="houlsby_figure4",
    ),
    _claim(
        key="below-full-on-mnli",
        where="text",
        says="Adapters of size 64 score 0.7 points less than full fine-tuning on MNLI.",
        number="83.7 against 84.4",
        read=Read.PAPER,
        test=Within(-0.7 - POINT, -0.7 + POINT),
        measure=lambda evidence: points(
            evidence.compare(_sized(evidence, 12), FULL, alike=(), tasks=("mnli",))
        ),
        sweep="houlsby_figure4",
        measured_as="of a bottleneck of a twelfth of the hidden size",
    ),
    _claim(
        key="norms-alone",
        where="figure 4",
        says="Training norms alone loses 3.5 points on CoLA and 4 on MNLI.",
        number="−3.5, −4 points",
        read=Read.PAPER,
        test=AtMost(-POINT),
        measure=partial(_points, Side(lines(Method.LAYER_NORM), whole), FULL),
        sweep="houlsby_figure4",
        measured_as="minus full fine-tuning, over all tasks; a loss of a point confirms it",
    ),
    _claim(
        key="size-8-against-64",
        where="text",
        says="Adapters of size 8 score as much as of size 64.",
        number="86.2 against 85.8",
        read=Read.PAPER,
        test=Within(-POINT, POINT),
        measure=partial(_between_sizes, 96, 12),
        sweep="houlsby_table1",
        measured_as="of bottlenecks of 1/96 and 1/12 of the hidden size",
    ),
    _claim(
        key="size-256-against-64",
        where="text",
        says="Adapters of size 256 score as much as of size 64.",
        number="85.7 against 85.8",
        read=Read.PAPER,
        test=Within(-POINT, POINT),
        measure=partial(_between_sizes, 3, 12),
        sweep="houlsby_table1",
        measured_as="of bottlenecks of 1/3 and 1/12 of the hidden size",
    ),
    _claim(
        key="one-layer-removed",
        where="figure 6",
        says="Removing the trained adapters of any one layer costs at most 2 points.",
        number="−2 points",
        read=Read.PAPER,
        test=AtLeast(-2.0),
        measure=partial(_ablated, read=_worst_single),
        sweep="houlsby_figure6_spans",
        measured_as="the layer whose adapters cost most",
    ),
    _claim(
        key="all-layers-removed",
        where="figure 6",
        says="Without any of its trained adapters, the model predicts the majority class.",
        number="37 % (MNLI), 69 % (CoLA)",
        read=Read.PAPER,
        test=Within(-5.0, 5.0),
        measure=partial(_ablated, read=_all_layers),
        sweep="houlsby_figure6_spans",
        measured_as="score minus that of the majority class, or minus 0 for correlations",
    ),
    _claim(
        key="lower-layers-matter-less",
        where="figure 6",
        says="Removing the adapters of the lower layers costs less than those of the higher ones.",
        number="layers 0–4 “barely affect” MNLI",
        read=Read.PAPER,
        test=AtLeast(0.0),
        measure=partial(_ablated, read=_lower_half),
        sweep="houlsby_figure6_spans",
        measured_as="without the lower half of the layers minus without the upper half",
    ),
    _claim(
        key="small-initial-weights",
        where="figure 6",
        says="Initial weights of a standard deviation of 1e-4 train as well as of 1e-2.",
        number="“robust” up to 1e-2",
        read=Read.PAPER,
        test=Within(-POINT, POINT),
        measure=partial(_scales, _SMALL, _USUAL),
        sweep="houlsby_figure6_scale",
    ),
    _claim(
        key="large-initial-weights",
        where="figure 6",
        says="Initial weights of a standard deviation of 1 train worse than of 1e-2.",
        number="“degrades”",
        read=Read.PAPER,
        test=AtMost(0.0),
        measure=partial(_scales, _LARGE, _USUAL),
        sweep="houlsby_figure6_scale",
    ),
)
