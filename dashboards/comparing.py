"""What may be compared, and which configuration stands for what: one rule for figures and reports.

Scores are compared within a panel: one task, the same rows of it, one metric and one base model.
Within a panel a line is one configuration over its seeds; of specialised AdapterDrop, those that
differ by their depth alone are one line. Nothing but seeds is ever averaged here. Where one of
several lines is taken, it is chosen on validation, and says what tells it from the others.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

from dashboards.looks import Look
from dashboards.results import Results
from orchestrator.catalog.records import TrialRow
from orchestrator.planning.settings import Settings, differing, labelled, words
from workers.contract.trial import DropMode, Method


class PanelKey(NamedTuple):
    """What scores have in common that may be compared."""

    task: str
    fingerprint: str
    metric: str
    base_identity: str


@dataclass(eq=False)
class Line:
    """One configuration; of specialised dropping, those that differ by their depth alone.

    Attributes:
        settings: all but the drop depth.
        scores: depth → seed → the primary metric on validation.
        planned: depth that a trial was trained for → how many seeds were asked for.
        finished: likewise, how many of them have a result.
        rows: the trials, finished or not.
        letters: what its configurations are called where a few are compared, otherwise empty.
    """

    method: Method
    mode: DropMode
    settings: Settings
    scores: dict[int, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    planned: Counter[int] = field(default_factory=Counter)
    finished: Counter[int] = field(default_factory=Counter)
    rows: list[TrialRow] = field(default_factory=list)
    letters: str = ""

    @property
    def complete(self) -> bool:
        return self.planned == self.finished

    @property
    def look(self) -> Look:
        """Return as what it is drawn."""
        if self.settings.get("random_sources") and self.method is Method.FUSION:
            return Look.RANDOM_FUSION
        return Look.of(self.method, self.mode, self.settings.get("sharing"))

    @property
    def at(self) -> int:
        """Return the depth that stands for it: 0, or the least that it was trained for."""
        return 0 if self.mode is not DropMode.SPECIALISED else min(self.scores)

    def mean(self, depth: int) -> float:
        return statistics.fmean(self.scores[depth].values())


@dataclass(frozen=True)
class Chosen:
    """A line that stands for several: the best of them.

    Attributes:
        look: as what it is drawn.
        words: what tells it from the others that were tried, empty where there were none.
        among: how many there were.
    """

    line: Line
    look: Look
    words: str
    among: int = 1

    @property
    def label(self) -> str:
        """Return what it is, which one of several, and whether seeds are missing."""
        missing, line = "", self.line
        if not line.complete:
            missing = f"{line.finished.total()} of {line.planned.total()} trials"
        named = (line.letters, self.look.shown) if line.letters else (self.look.shown, self.words)
        return " · ".join(part for part in (*named, missing) if part)


@dataclass
class Panel:
    """What is compared and drawn together.

    Attributes:
        majority: the score of always predicting the majority class.
        letters: configuration → what it is called, where a few are compared.
    """

    key: PanelKey
    title: str
    majority: float
    lines: list[Line]
    letters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def configurations(self) -> list["Configuration"]:
        """Return its configurations as its leaderboard ranks them, the best first."""
        return _ranked(self)

    def of(
        self, *methods: Method, mode: DropMode | None = None, random_sources: bool = False
    ) -> list[Line]:
        """Return the lines of these methods, and of one way of dropping.

        Args:
            random_sources: the control's: fusions of adapters that no task has trained.
        """
        return [
            line
            for line in self.lines
            if line.method in methods
            and (mode is None or line.mode is mode)
            and bool(line.settings.get("random_sources")) == random_sources
        ]


_KNOWN: WeakKeyDictionary[Results, list[Panel]] = WeakKeyDictionary()
"""What a report asks for a figure at a time."""


def panels_of(results: Results) -> list[Panel]:
    """Sort what has a score into panels, by title."""
    if results not in _KNOWN:
        _KNOWN[results] = _sorted_into_panels(results)
    return list(_KNOWN[results])


def _sorted_into_panels(results: Results) -> list[Panel]:
    groups: dict[PanelKey, list[TrialRow]] = defaultdict(list)
    for row in results.rows:
        key = PanelKey(row.task, row.fingerprint, str(row.metric), row.base_identity)
        groups[key].append(row)
    scores = results.scores_by_depth()
    first = {
        k: next((r.trial_id for r in g if r.trial_id in scores), "") for k, g in groups.items()
    }
    known = results.results(i for i in first.values() if i)
    panels = [
        Panel(
            key,
            _title(key, rows[0], groups),
            known[first[key]].majority,
            _lines(rows, results, scores),
            results.letters,
        )
        for key, rows in groups.items()
        if first[key]
    ]
    return sorted(panels, key=lambda panel: panel.title)


def choose(
    lines: Sequence[Line],
    *,
    every: bool = False,
    look: Look | None = None,
    tried: Sequence[Line] = (),
) -> list[Chosen]:
    """Return the best of these lines, or with `every` all of them, best first.

    A complete one comes before one that misses seeds; then the mean on validation decides, without
    dropping where adapters are in every layer, and otherwise over the depths that all have.

    Args:
        look: as what it is drawn, where that is not what it is by itself.
        tried: what it is told apart from, where those are more than the lines.
    """
    if not lines:
        return []
    others = tried or lines
    names = differing(line.settings for line in others)
    told = [
        Chosen(line, look or line.look, ", ".join(words(line.settings, names)), len(others))
        for line in lines
    ]
    plain = all(line.mode is DropMode.NONE for line in lines)
    depths = {0} if plain else set.intersection(*(set(line.scores) for line in lines))

    def merit(chosen: Chosen) -> tuple[bool, float]:
        line = chosen.line
        at = [depth for depth in depths if depth in line.scores] or list(line.scores)
        return not line.complete, -statistics.fmean(line.mean(depth) for depth in at)

    ordered = sorted(told, key=merit)
    return ordered if every else ordered[:1]


def choose_each(
    lines: Iterable[Line], *names: str, every: bool = False
) -> dict[tuple[object, ...], list[Chosen]]:
    """Return the best line for each combination of values of these settings, in a fixed order."""
    groups: dict[tuple[object, ...], list[Line]] = defaultdict(list)
    for line in lines:
        groups[tuple(_hashable(line.settings.get(name)) for name in names)].append(line)
    return {key: choose(groups[key], every=every) for key in sorted(groups, key=_sortable)}


@dataclass(frozen=True)
class Configuration:
    """One configuration over its finished seeds, at the depth that it was trained for.

    Attributes:
        label: as in `adaptersweep best`, without the task.
        scores: seed → the primary metric on validation.
        planned: how many seeds were asked for.
        letter: what it is called where a few are compared, otherwise empty.
    """

    label: str
    look: Look
    rows: Sequence[TrialRow]
    scores: Mapping[int, float]
    planned: int
    letter: str = ""

    @property
    def complete(self) -> bool:
        return len(self.scores) == self.planned

    @property
    def mean(self) -> float:
        return statistics.fmean(self.scores.values())


def _ranked(panel: Panel) -> list[Configuration]:
    rows = [row for line in panel.lines for row in line.rows]
    names = differing(row.unsaid for row in rows)
    looks = {id(row): line.look for line in panel.lines for row in line.rows}
    groups: dict[str, list[TrialRow]] = defaultdict(list)
    for row in rows:
        groups[row.configuration].append(row)
    found = []
    for name, group in groups.items():
        scores = {row.seed: row.score for row in group if row.score is not None}
        if scores:
            first = group[0]
            plain = first.label.removesuffix(f" · seed {first.seed}")
            label = labelled(plain.removeprefix(f"{first.task} · "), words(first.unsaid, names))
            letter = panel.letters.get(name, "")
            found.append(Configuration(label, looks[id(first)], group, scores, len(group), letter))
    return sorted(found, key=lambda c: (not c.complete, -c.mean, c.rows[0].configuration))


def _lines(
    rows: Iterable[TrialRow],
    results: Results,
    scores: Mapping[str, Mapping[int, float]],
) -> list[Line]:
    """Gather the seeds of each line; only those that have a score somewhere stay."""
    lines: dict[str, Line] = {}
    keys: dict[str, str] = {}
    for row in rows:
        key = keys.get(row.configuration)
        if key is None:
            every = results.settings[row.configuration]
            own = {name: value for name, value in every.items() if name != "drop_depth"}
            own["recipe"] = row.unsaid.get("recipe")  # an earlier version trained in another way
            key = keys[row.configuration] = repr(own)
            line = lines.setdefault(key, Line(row.method, row.drop_mode, own))
            line.letters += results.letters.get(row.configuration, "")
        line = lines[key]
        line.rows.append(row)
        line.planned[row.drop_depth] += 1
        if (measured := scores.get(row.trial_id)) is not None:
            line.finished[row.drop_depth] += 1
            for depth, score in measured.items():
                line.scores[depth][row.seed] = score
    return [line for line in lines.values() if line.scores]


def _title(key: PanelKey, row: TrialRow, groups: Iterable[PanelKey]) -> str:
    """Say which task it is, and what tells it from other panels of that task."""
    others = [other for other in groups if other.task == key.task]
    parts = [key.task]
    if len({other.base_identity for other in others}) > 1:
        parts.append(row.base_name)
    if len({other[1:3] for other in others}) > 1:
        parts.append(f"data {key.fingerprint[:8]}")
    return " · ".join(parts)


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _sortable(key: tuple[object, ...]) -> list[tuple[bool, bool, object]]:
    return [
        (
            value is not None,
            isinstance(value, str),
            str(value) if isinstance(value, tuple) else value,
        )
        for value in key
    ]
