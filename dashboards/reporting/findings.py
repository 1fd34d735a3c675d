"""What a sweep says, in sentences: differences with their doubt, spread of seeds, savings."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from dashboards.comparing import Chosen, Panel, choose
from dashboards.figures.pruning import ORDERS as PRUNING_ORDERS
from dashboards.figures.pruning import kept_lines, sources_of
from dashboards.figures.removal import HIGHEST, LOWEST, ORDERS, RANDOM, ablated
from dashboards.figures.savings import savings_of
from dashboards.figures.sharing import adapter_parameters, shared_lines, shares
from dashboards.figures.training import rate_groups
from dashboards.looks import Look
from dashboards.reporting.arms import Arm, Arms, Contrast, contrasts
from dashboards.reporting.contents import Finding, signed
from dashboards.reporting.differences import POINTS, Difference
from dashboards.results import Results
from orchestrator.planning.ranking import over_seeds
from workers.contract.trial import DropMode, Method

T = TypeVar("T")


def findings(results: Results, panels: Sequence[Panel], arms: Arms) -> list[Finding]:
    """Return what there is to say, topics without anything left out."""
    found = [
        _dropping(arms),
        _baselines(arms),
        _sharing(arms, results),
        _fusion(arms),
        _pruning(arms),
        _removal(arms, results),
        _rates(panels),
        _seeds(panels),
        _savings(results),
    ]
    return [each for each in found if each.sentences]


def sentence(found: Contrast) -> str:
    """Say a comparison: which is better by how much, and how sure that is."""
    one, other, difference = found.one.name, found.other.name, found.validation
    amount = f"{abs(difference.mean):.1f}"
    more = "more" if difference.mean >= 0 else "less"
    if difference.error is None:
        return (
            f"{_capital(one)} scores {amount} points {more} than {other} in the one pair there is, "
            "which says nothing about others."
        )
    amount += f" ± {difference.error:.1f}"
    said = f"({_basis(difference)}{_on_test(found.test)})"
    if difference.is_told:
        return f"{_capital(one)} scores {amount} points {more} than {other} {said}."
    return (
        f"No difference can be told between {one} and {other}: "
        f"{signed(difference.mean, 1)} ± {difference.error:.1f} points {said}."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _basis(difference: Difference) -> str:
    low, high = difference.interval or (0.0, 0.0)
    tasks = "1 task" if difference.panels == 1 else f"{difference.panels} tasks"
    seeds = "1 seed" if difference.seeds == 1 else f"{difference.seeds} seeds"
    higher = f"higher in {difference.better} of {difference.pairs} pairs"
    return f"{tasks}, {seeds}; 95 % interval {signed(low, 1)} to {signed(high, 1)}; {higher}"


def _on_test(test: Difference | None) -> str:
    if test is None:
        return ""
    error = "" if test.error is None else f" ± {test.error:.1f}"
    return f"; on test {signed(test.mean, 1)}{error}"


def _finding(topic: str, found: Sequence[Contrast], told: Sequence[Contrast]) -> Finding:
    return Finding(topic, [sentence(each) for each in told], found)


def _standard(arms: Arms) -> Arm:
    return arms.best("standard at depth 0", Method.ADAPTER, DropMode.NONE)


_WAYS = {
    DropMode.SPECIALISED: "specialised",
    DropMode.ROBUST: "robust",
    DropMode.NONE: "standard, not trained for it,",
}


def _dropping(arms: Arms) -> Finding:
    """Compare every way of dropping at every depth with adapters in all layers."""

    def at(depth: int, mode: DropMode) -> Arm:
        return arms.best(f"{_WAYS[mode]} at depth {depth}", Method.ADAPTER, mode, depth=depth)

    standard = _standard(arms)
    told: list[Contrast] = []
    every: list[Contrast] = []
    for mode in _WAYS:
        if mode is DropMode.ROBUST:
            every += (whole := contrasts([(at(0, mode), standard)]))
            told += whole
        found = contrasts((at(depth, mode), standard) for depth in _depths(arms, mode))
        every += found
        told += _middle(found)
    both = set(_depths(arms, DropMode.SPECIALISED)) & set(_depths(arms, DropMode.ROBUST))
    against = contrasts(
        (at(depth, DropMode.SPECIALISED), at(depth, DropMode.ROBUST)) for depth in sorted(both)
    )
    return _finding("AdapterDrop", [*every, *against], [*told, *_middle(against)])


def _depths(arms: Arms, mode: DropMode, method: Method = Method.ADAPTER) -> list[int]:
    """Return the depths, but 0, at which a way of dropping was measured anywhere."""
    found = {d for p in arms.panels for line in p.of(method, mode=mode) for d in line.scores}
    return sorted(found - {0})


def _middle(found: Sequence[T]) -> Sequence[T]:
    """Return what sentences are about: the one in the middle, about half of the layers dropped."""
    middle = len(found) // 2
    return found[middle : middle + 1]


def _baselines(arms: Arms) -> Finding:
    standard = _standard(arms)
    others = (
        (Method.FULL_FINE_TUNING, "full fine-tuning"),
        (Method.TOP_LAYERS, "training the top layers"),
        (Method.LAYER_NORM, "training norms alone"),
        (Method.HEAD_ONLY, "the head alone"),
    )
    found = contrasts((standard, arms.best(name, method)) for method, name in others)
    return _finding("Against other ways of training", found, found)


def _sharing(arms: Arms, results: Results) -> Finding:
    compared = {p.title: found for p in arms.panels if shares(found := shared_lines(p))}
    keys = sorted({key for found in compared.values() for key in found}, key=str)
    chosen = [c for found in compared.values() for c in found.values()]
    counted = adapter_parameters(chosen, results)

    def pick(wanted: Sequence[tuple[object, ...]]) -> Callable[[Panel], list[Chosen]]:
        def of(panel: Panel) -> list[Chosen]:
            found = compared.get(panel.title, {})
            return choose([found[key].line for key in wanted if key in found])

        return of

    own = [key for key in keys if key[0] == "none"]
    plain = arms.of("one adapter for each layer", pick(own))
    sizes = {key: {counted[id(f[key])] for f in compared.values() if key in f} for key in keys}
    pairs = [
        (arms.of(f"sharing with bottleneck {key[2]} ({_counts(sizes[key])})", pick([key])), plain)
        for key in keys
        if key[0] != "none"
    ]
    against = contrasts(pairs)
    return _finding("Sharing across layers", against, against)


def _counts(counts: set[int]) -> str:
    return " or ".join(f"{count:,}" for count in sorted(counts)) + " parameters"


def _fusion(arms: Arms) -> Finding:
    robust_at = _depths(arms, DropMode.ROBUST, Method.FUSION)
    plain = arms.best("fusion", Method.FUSION, DropMode.NONE)
    robust = arms.best("fusion with AdapterDrop", Method.FUSION, DropMode.ROBUST)
    single = arms.best("the target's own best adapter", Method.ADAPTER, DropMode.NONE)
    control = arms.of(
        "fusion of random adapters",
        lambda each: choose(each.of(Method.FUSION, mode=DropMode.NONE, random_sources=True)),
    )
    pairs = [(plain, single), (robust, single), (robust, plain), (plain, control)]
    for depth in _middle(robust_at or _depths(arms, DropMode.NONE, Method.FUSION)):
        name = f"without its {depth} lowest layers"
        dropped = [
            arms.best(f"{start} {name}", Method.FUSION, mode, depth=depth)
            for start, mode in (
                ("fusion with AdapterDrop", DropMode.ROBUST),
                ("fusion", DropMode.NONE),
            )
        ]
        pairs += [(dropped[0], single), (dropped[0], dropped[1])]
    found = contrasts(pairs)
    return _finding("AdapterFusion", found, found)


def _pruning(arms: Arms) -> Finding:
    """Compare pruned fusions with the whole one that they come from."""
    lines = {p.title: kept_lines(p) for p in arms.panels}
    ways = sorted({way for by_way in lines.values() for way in by_way}, key=str)
    found: list[Contrast] = []
    for mode, order in ways:

        def pick(keep: int | None, way: tuple[DropMode, str] = (mode, order)) -> Arm:
            def of(panel: Panel) -> list[Chosen]:
                by_keep = lines[panel.title].get(way, {})
                whole = [c for c in by_keep.values() if c.line.method is Method.FUSION]
                return whole if keep is None else [by_keep[keep]] if keep in by_keep else []

            robust = " with AdapterDrop" if way[0] is DropMode.ROBUST else ""
            ordered = "" if way[1] == "at_once" else f", pruned {PRUNING_ORDERS[way[1]]},"
            kept = f"fusion{robust}{ordered} with {keep} of its adapters"
            return arms.of(f"the whole fusion{robust}" if keep is None else kept, of)

        keeps = {
            keep
            for by_way in lines.values()
            for keep, chosen in by_way.get((mode, order), {}).items()
            if chosen.line.method is Method.PRUNED_FUSION and keep < sources_of(chosen.line)
        }
        found += contrasts((pick(keep), pick(None)) for keep in sorted(keeps))
    return _finding("Pruned fusions", found, found)


def _removal(arms: Arms, results: Results) -> Finding:
    """Compare trained adapters without some layers with the whole, and with layers at random."""
    known = {p.title: own[0] for p in arms.panels if (own := ablated(results, p))}

    def without(number: int, order: str) -> Arm:
        def read(each: Panel) -> Mapping[int, float] | None:
            own = known.get(each.title)
            return own.without(order).get(number) if own else None

        layers = "1 layer" if number == 1 else f"{number} layers"
        return arms.scored(f"the adapter without {layers} ({order})", read)

    whole = arms.scored(
        "the whole adapter", lambda each: known[each.title].whole if each.title in known else None
    )
    numbers = sorted({n for own in known.values() for o in ORDERS for n in own.without(o) if n})
    drawn = sorted({n for own in known.values() for n in own.at_random})
    every: list[Contrast] = []
    told: list[Contrast] = []
    for number in numbers:
        pairs = [(without(number, LOWEST), other) for other in (whole, without(number, RANDOM))]
        every += (found := contrasts([*pairs, (without(number, HIGHEST), whole)]))
        if number in _middle(drawn or numbers):
            told += found
    return _finding("Adapters removed after training", every, told)


def _rates(panels: Sequence[Panel]) -> Finding:
    gaps: dict[Look, list[float]] = {}
    best: dict[Look, set[float]] = {}
    for panel in panels:
        for group in rate_groups(panel):
            means = {float(line.settings["learning_rate"]): line.mean(line.at) for line in group}
            look = group[0].look
            gaps.setdefault(look, []).append(POINTS * (max(means.values()) - min(means.values())))
            best.setdefault(look, set()).add(max(means, key=lambda rate: means[rate]))
    sentences = [
        f"Between the best and the worst learning rate of {look.shown} lie "
        f"{statistics.fmean(values):.1f} points, as a mean over {_tasks(len(values))}; the best is "
        f"{' or '.join(f'{rate:g}' for rate in sorted(best[look]))}."
        for look, values in gaps.items()
    ]
    return Finding("Learning rate", sentences)


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _seeds(panels: Sequence[Panel]) -> Finding:
    """Say how far seeds are apart, and how often the best is told from the second."""
    deviations = [
        POINTS * std
        for panel in panels
        for each in panel.configurations
        if (std := over_seeds(list(each.scores.values()))[1]) is not None
    ]
    if not deviations:
        return Finding("Seeds", [])
    return Finding(
        "Seeds",
        [
            f"Seeds of one configuration deviate by {statistics.median(deviations):.1f} points "
            f"(the median of {len(deviations)} sample standard deviations; the largest is "
            f"{max(deviations):.1f}): smaller differences between single runs say nothing."
        ],
    )


def _savings(results: Results) -> Finding:
    return Finding("What was not computed again", list(_saved(results)))


def _saved(results: Results) -> Iterator[str]:
    saved = savings_of(results)
    if saved.reused:
        yield (
            f"{saved.reused:,} of {saved.reused + saved.trained:,} finished trials had been "
            f"finished before this sweep and were taken over; they had taken {saved.reused_s:,.0f} "
            f"seconds then, and the others took {saved.trained_s:,.0f}."
        )
    if saved.computed + saved.found:
        yield (
            f"Of {saved.computed + saved.found:,} frozen prefixes that trials used, "
            f"{saved.found:,} were found in the cache and {saved.computed:,} computed."
        )
    if saved.packed:
        yield f"{saved.packed:,} of {saved.alone + saved.packed:,} trials shared their passes."
