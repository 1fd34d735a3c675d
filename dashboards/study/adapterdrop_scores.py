"""AdapterDrop's claims about scores."""

from collections.abc import Callable, Sequence
from functools import partial

from dashboards.comparing import Line, Panel
from dashboards.figures.pruning import sources_of
from dashboards.study.claims import Paper, PaperClaim, Read
from dashboards.study.estimates import (
    POINT,
    AtLeast,
    Estimate,
    Sides,
    Unit,
    Within,
    kept,
    points,
)
from dashboards.study.evidence import SHAPE, Depth, Evidence, Side, dropped, lines, own, whole
from workers.contract.trial import DropMode, Method

FIVE, EIGHT = dropped(5), dropped(8)
_UNSHARED = tuple(name for name in SHAPE if name not in ("sharing", "group_layers"))
_FUSED = ("sources", "random_sources")


def adapter(mode: DropMode, at: Depth = own) -> Side:
    return Side(lines(Method.ADAPTER, mode), at)


def fusion(mode: DropMode, at: Depth = whole) -> Side:
    return Side(lines(Method.FUSION, mode), at)


STANDARD = adapter(DropMode.NONE, whole)


def _retained(mode: DropMode, evidence: Evidence) -> Estimate | None:
    return kept(evidence.compare(adapter(mode, FIVE), STANDARD))


def _points(
    one: Side,
    other: Side,
    evidence: Evidence,
    *,
    alike: Sequence[str] = SHAPE,
    tasks: Sequence[str] | None = None,
) -> Estimate | None:
    return points(evidence.compare(one, other, alike=alike, tasks=tasks))


def _above_majority(evidence: Evidence) -> Estimate | None:
    """Return how far above the majority class adapters are that were not trained for dropping."""
    found = evidence.compare(adapter(DropMode.NONE, EIGHT), STANDARD)
    majority = {panel.title: panel.majority for panel in evidence.panels}
    other = {title: dict.fromkeys(seeds, majority[title]) for title, seeds in found.one.items()}
    return points(Sides(found.one, other, found.trials))


def _shared(layers_per_size: Callable[[int], float], evidence: Evidence) -> Estimate | None:
    """Compare one adapter for all layers with one for each, of a size told from the layers."""

    def shared(panel: Panel) -> list[Line]:
        sizes = {line.settings["bottleneck_size"] for line in _unshared(panel)}
        ratio = layers_per_size(evidence.layers(panel))
        wanted = {round(size * ratio) for size in sizes}
        return [
            line
            for line in panel.of(Method.ADAPTER, mode=DropMode.NONE)
            if line.settings.get("sharing") == "all_layers"
            and line.settings["bottleneck_size"] in wanted
        ]

    alike = tuple(name for name in _UNSHARED if name != "bottleneck_size")
    return _points(Side(shared, whole), Side(_unshared, whole), evidence, alike=alike)


def _unshared(panel: Panel) -> list[Line]:
    """Return adapters of their own in every layer, of sizes of which there is a shared one too."""
    found = panel.of(Method.ADAPTER, mode=DropMode.NONE)
    sizes = {x.settings["bottleneck_size"] for x in found if x.settings.get("sharing") != "none"}
    return [
        line
        for line in found
        if line.settings.get("sharing") == "none" and line.settings["bottleneck_size"] in sizes
    ]


def _parameters(evidence: Evidence) -> Estimate | None:
    """Count what an adapter for all layers has of what one for each has, times the layers."""
    ratios, traces, panels = set[float](), list[str](), 0
    for panel in evidence.panels:
        for line in _unshared(panel):
            shared = [
                other
                for other in panel.of(Method.ADAPTER, mode=DropMode.NONE)
                if other.settings.get("sharing") == "all_layers"
                and all(other.settings.get(n) == line.settings.get(n) for n in _UNSHARED)
            ]
            if shared:
                ids = [
                    next(r.trial_id for r in each.rows if r.score is not None)
                    for each in (shared[0], line)
                ]
                counts = [r.parameters.adapter for r in evidence.results.results(ids).values()]
                ratios.add(evidence.layers(panel) * min(counts) / max(counts))
                traces += ids
                panels += 1
    if not ratios:
        return None
    basis = f"{panels} pairs, counted"
    ends = min(ratios), max(ratios)
    return Estimate(min(ratios), ends, Unit.TIMES, basis, tuple(traces))


def _pruned(evidence: Evidence) -> Estimate | None:
    """Compare fusions of which a quarter is kept with the whole ones."""

    def quarter(panel: Panel) -> list[Line]:
        return [
            line
            for line in panel.of(Method.PRUNED_FUSION, mode=DropMode.NONE)
            if line.settings.get("pruning_order") == "at_once"
            and 4 * int(line.settings["keep"]) == sources_of(line)
        ]

    return _points(Side(quarter, whole), fusion(DropMode.NONE), evidence, alike=_FUSED)


def _pruned_at_random(evidence: Evidence) -> Estimate | None:
    """Compare what was pruned by attention with what was pruned at random."""

    def by(order: str) -> Side:
        return Side(
            lambda panel: [
                line
                for line in panel.of(Method.PRUNED_FUSION, mode=DropMode.NONE)
                if line.settings.get("pruning_order") == order
                and 2 * int(line.settings["keep"]) <= sources_of(line)
            ],
            whole,
        )

    return _points(by("at_once"), by("random"), evidence, alike=("keep", *_FUSED))


_claim = partial(PaperClaim, paper=Paper.ADAPTERDROP)

SCORES = (
    _claim(
        key="specialised-five",
        where="text, figure 2",
        says="Specialised adapters with five of twelve layers dropped keep 97.1 % of the score.",
        number="97.1 %",
        read=Read.QUOTED,
        test=Within(95.6, 98.6),
        measure=partial(_retained, DropMode.SPECIALISED),
        sweep="adapterdrop_figure2",
        measured_as="mean over tasks in percent of that of adapters in all layers",
    ),
    _claim(
        key="robust-five",
        where="text, figure 2",
        says="Robust adapters with five of twelve layers dropped keep 95.4 % of the score.",
        number="95.4 %",
        read=Read.QUOTED,
        test=Within(93.9, 96.9),
        measure=partial(_retained, DropMode.ROBUST),
        sweep="adapterdrop_figure2",
        measured_as="likewise",
    ),
    _claim(
        key="specialised-over-robust",
        where="text, figure 2",
        says="With five of twelve layers dropped, specialised adapters score higher than robust "
        "ones.",
        number="+1.5 points",
        read=Read.COMPUTED,
        test=AtLeast(0.0),
        measure=partial(
            _points, adapter(DropMode.SPECIALISED, FIVE), adapter(DropMode.ROBUST, FIVE)
        ),
        sweep="adapterdrop_figure2",
    ),
    _claim(
        key="robust-over-standard",
        where="figure 2",
        says="With five of twelve layers dropped, robust adapters score higher than adapters that "
        "were trained without dropping.",
        number="+7.7 points (four tasks)",
        read=Read.DIGITISED,
        test=AtLeast(0.0),
        measure=partial(_points, adapter(DropMode.ROBUST, FIVE), adapter(DropMode.NONE, FIVE)),
        sweep="adapterdrop_figure2",
    ),
    _claim(
        key="robust-whole",
        where="figure 2",
        says="Robust training costs little where no layer is dropped.",
        number="−1.5 points (four tasks)",
        read=Read.DIGITISED,
        test=AtLeast(-2.0),
        measure=partial(_points, adapter(DropMode.ROBUST, whole), STANDARD),
        sweep="adapterdrop_figure2",
    ),
    _claim(
        key="standard-collapses",
        where="figure 2",
        says="Adapters trained without dropping fall to the majority class with eight of twelve "
        "layers dropped.",
        number="33.7 (MNLI), 50.8 (QNLI)",
        read=Read.DIGITISED,
        test=Within(-5.0, 5.0),
        measure=_above_majority,
        sweep="adapterdrop_figure2",
        measured_as="score minus that of the majority class, or minus 0 for correlations",
    ),
    _claim(
        key="shared-equal-size",
        where="table 5",
        says="One adapter for all layers, of as many parameters as one for each, scores 1.4 points "
        "less.",
        number="−1.4 points",
        read=Read.COMPUTED,
        test=Within(-1.37 - POINT, -1.37 + POINT),
        measure=partial(_shared, lambda layers: layers),
        sweep="adapterdrop_table5",
    ),
    _claim(
        key="shared-third",
        where="table 5",
        says="One adapter for all layers, of a third of the parameters, scores 1.0 points less.",
        number="−1.0 points",
        read=Read.COMPUTED,
        test=Within(-0.96 - POINT, -0.96 + POINT),
        measure=partial(_shared, lambda layers: layers / 3),
        sweep="adapterdrop_table5",
    ),
    _claim(
        key="shared-same-bottleneck",
        where="table 5",
        says="One adapter for all layers, of the same bottleneck, scores 2.4 points less.",
        number="−2.4 points",
        read=Read.COMPUTED,
        test=Within(-2.35 - POINT, -2.35 + POINT),
        measure=partial(_shared, lambda layers: 1),
        sweep="adapterdrop_table5",
    ),
    _claim(
        key="shared-parameters",
        where="table 5",
        says="Sharing one adapter of the same bottleneck divides its parameters by the number of "
        "layers.",
        number="884k to 74k for 12 layers: 1.00",
        read=Read.PAPER,
        test=Within(0.999, 1.001),
        measure=_parameters,
        sweep="adapterdrop_table5",
        measured_as="parameters of the shared one × layers ÷ those of one for each",
    ),
    _claim(
        key="fusion-over-adapter",
        where="figure 4",
        says="On RTE, AdapterFusion scores higher than the task's own adapter.",
        number="+9.5 points",
        read=Read.DIGITISED,
        test=AtLeast(0.0),
        measure=partial(_points, fusion(DropMode.NONE), STANDARD, alike=(), tasks=("rte",)),
        sweep="adapterdrop_figure4",
    ),
    _claim(
        key="fusion-dropped-over-adapter",
        where="text, figure 4",
        says="On RTE, AdapterFusion trained with AdapterDrop scores higher than the task's own "
        "adapter, with five of twelve layers dropped.",
        number="+3.9 points",
        read=Read.DIGITISED,
        test=AtLeast(0.0),
        measure=partial(_points, fusion(DropMode.ROBUST, FIVE), STANDARD, alike=(), tasks=("rte",)),
        sweep="adapterdrop_figure4",
    ),
    _claim(
        key="fusion-robust-over-standard",
        where="figure 4",
        says="With five of twelve layers dropped, fusions trained with AdapterDrop score higher "
        "than fusions trained without.",
        number="+6.7 (RTE), +0.5 points (CoLA)",
        read=Read.DIGITISED,
        test=AtLeast(0.0),
        measure=partial(
            _points, fusion(DropMode.ROBUST, FIVE), fusion(DropMode.NONE, FIVE), alike=_FUSED
        ),
        sweep="adapterdrop_figure4",
    ),
    _claim(
        key="fusion-pruned",
        where="§5.2, figure 5",
        says="Fusions that keep two of eight adapters, by their attention, score as much as whole "
        "ones.",
        number="“comparable”",
        read=Read.QUOTED,
        test=AtLeast(-POINT),
        measure=_pruned,
        sweep="adapterdrop_figure5",
        measured_as="a quarter of the adapters kept, in points of the whole fusion's score",
    ),
    _claim(
        key="fusion-pruned-by-attention",
        where="§5.2, figure 5",
        says="Pruning by attention scores higher than pruning at random.",
        number="none: the paper has no such control",
        read=Read.PAPER,
        test=AtLeast(0.0),
        measure=_pruned_at_random,
        sweep="adapterdrop_figure5",
        measured_as="at the same number kept, half of them or fewer",
    ),
)
