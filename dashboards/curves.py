"""What the pictures of drop curves show: lines over the seeds of one configuration, never more.

Reading them out of a catalog is here; drawing is left to `dashboards.drop_curves`.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dashboards.errors import DashboardError
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import TrialFilter, TrialRow
from orchestrator.planning.plan import matches
from orchestrator.planning.settings import Settings, differing, settings, words
from orchestrator.spec.axes import Condition
from workers.contract.results import TrialResult
from workers.contract.trial import DropMode, Method, Trial

BASELINES = (Method.FULL_FINE_TUNING, Method.HEAD_ONLY)

Compared = tuple[str, str, str, str]
"""What a panel has in common: task, fingerprint, metric, and the base model's identity."""


@dataclass
class Curve:
    """One configuration; of specialised dropping, those that differ by their depth alone.

    Attributes:
        settings: all but the drop depth.
        scores: depth → the primary metric on validation, one per finished seed.
        planned: depth that a trial was trained for → how many seeds were asked for.
        finished: likewise, how many of them have a result.
        words: what tells it from the others that were tried, empty where none were.
    """

    method: Method
    mode: DropMode
    settings: Settings
    scores: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    planned: Counter[int] = field(default_factory=Counter)
    finished: Counter[int] = field(default_factory=Counter)
    words: str = ""

    @property
    def complete(self) -> bool:
        return self.planned == self.finished

    def label(self, name: str) -> str:
        """Return what a legend says of it."""
        missing = ""
        if not self.complete:
            missing = f"{self.finished.total()} of {self.planned.total()} trials"
        return " · ".join(part for part in (name, self.words, missing) if part)


@dataclass(frozen=True)
class Panel:
    """What is drawn together: one task, its rows and metric, and one base model.

    Attributes:
        curves, baselines: of each way of dropping and each method, the best first.
        majority: the score of always predicting the majority class.
    """

    title: str
    task: str
    metric: str
    curves: Sequence[Curve]
    baselines: Sequence[Curve]
    majority: float


def read_panels(
    catalog: Catalog, sweep: str, *, where: Condition | None = None, every: bool = False
) -> list[Panel]:
    """Collect the panels of a sweep.

    Of each way of dropping, and of each baseline, the best configuration is taken: a complete one
    before one that misses seeds, then by the mean on validation, without dropping for adapters in
    every layer, and over the depths that all of them have for the others.

    Args:
        where: leave out what does not meet it.
        every: take every configuration.

    Raises:
        DashboardError: no finished adapter trial of the sweep is left to draw.
    """
    rows = catalog.trials(TrialFilter(sweep=sweep), "trial_id", limit=None)
    known = catalog.with_parents(r.trial_id for r in rows)
    kept = [r for r in rows if where is None or matches(known[r.trial_id], where)]
    results = catalog.results(r.trial_id for r in kept)
    groups: dict[Compared, list[TrialRow]] = defaultdict(list)
    for row in kept:
        if row.method is Method.ADAPTER or row.method in BASELINES:
            key = (row.task, row.fingerprint, str(row.metric), row.base_identity)
            groups[key].append(row)
    panels = []
    for key, group in sorted(groups.items()):
        finished = [results[r.trial_id] for r in group if r.trial_id in results]
        curves = _curves(group, known, results)
        adapters = [c for c in curves if c.method is Method.ADAPTER]
        if not adapters:
            continue
        panels.append(
            Panel(
                title=_title(key, group[0], groups),
                task=key[0],
                metric=key[2],
                curves=[c for mode in DropMode for c in _chosen(adapters, mode, every=every)],
                baselines=[c for m in BASELINES for c in _chosen(curves, m, every=every)],
                majority=finished[0].majority,
            )
        )
    if not panels:
        like = "" if where is None else " that meet --where"
        raise DashboardError(
            f"expected finished adapter trials{like} in sweep {sweep}, found none; "
            "`adaptersweep status` shows how far it is"
        )
    return sorted(panels, key=lambda panel: panel.title)


def _curves(
    rows: Iterable[TrialRow], known: Mapping[str, Trial], results: Mapping[str, TrialResult]
) -> list[Curve]:
    """Gather the seeds of each configuration; only those that have a score somewhere stay."""
    curves: dict[str, Curve] = {}
    for row in rows:
        trial = known[row.trial_id]
        own = {k: v for k, v in settings(trial, known).items() if k != "drop_depth"}
        own["recipe"] = row.unsaid.get("recipe")  # an earlier version trained in another way
        curve = curves.setdefault(repr(own), Curve(trial.method, trial.drop.mode, own))
        curve.planned[row.drop_depth] += 1
        if (result := results.get(row.trial_id)) is not None:
            curve.finished[row.drop_depth] += 1
            for depth, score in result.by_depth.items():
                curve.scores[depth].append(score)
    return [curve for curve in curves.values() if curve.scores]


def _chosen(curves: Sequence[Curve], of: DropMode | Method, *, every: bool) -> list[Curve]:
    """Return the best curve of a way of dropping or of a method, or all of them, best first."""
    mine = [c for c in curves if (c.mode if isinstance(of, DropMode) else c.method) is of]
    if not mine:
        return []
    names = differing(c.settings for c in mine)
    for curve in mine:
        curve.words = ", ".join(words(curve.settings, names))
    depths = {0} if of is DropMode.NONE else set.intersection(*(set(c.scores) for c in mine))

    def merit(curve: Curve) -> tuple[bool, float]:
        means = [statistics.fmean(curve.scores[d]) for d in (depths or curve.scores)]
        return not curve.complete, -statistics.fmean(means)

    mine.sort(key=merit)
    return mine if every else mine[:1]


def _title(key: Compared, row: TrialRow, groups: Iterable[Compared]) -> str:
    """Say which task it is, and what tells it from other panels of that task."""
    others = [other for other in groups if other[0] == key[0]]
    parts = [key[0]]
    if len({other[3] for other in others}) > 1:
        parts.append(row.base_name)
    if len({other[1:3] for other in others}) > 1:
        parts.append(f"data {key[1][:8]}")
    return " · ".join(parts)
