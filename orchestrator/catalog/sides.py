"""Configurations side by side, each over its seeds: what differs between them, and their scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.catalog.details import Details
from orchestrator.catalog.records import ScoreRow, TrialRow

Place = tuple[str, int, str]
"""Split, drop depth and metric."""


class Side:
    """One configuration with all its seeds.

    Attributes:
        settings: with what its scores were measured on, by `task`, `fingerprint` and `metric`.
        scores: over its seeds that have finished.
    """

    def __init__(self, opened: Details, id_prefix: str) -> None:
        """Read it.

        Args:
            id_prefix: how the id of the configuration begins, or that of one of its trials.

        Raises:
            CatalogError: no id does, or several do.
        """
        self.configuration = opened.configuration(id_prefix)
        self.rows: Sequence[TrialRow] = opened.configuration_rows(self.configuration)
        first = self.rows[0]
        self.label = first.label.removesuffix(f" · seed {first.seed}")
        self.measured = {
            "task": first.task,
            "fingerprint": first.fingerprint,
            "metric": first.metric,
        }
        recipe = {"recipe": first.unsaid.get("recipe")}
        own = opened.settings([first.trial_id])[first.trial_id]
        self.settings: dict[str, Any] = self.measured | dict(own) | recipe
        self.scores: dict[Place, list[float]] = {}
        for rows in opened.scores(row.trial_id for row in self.rows).values():
            for score in rows:
                self.scores.setdefault(_place(score), []).append(score.value)

    @property
    def seeds(self) -> str:
        finished = sum(row.score is not None for row in self.rows)
        return f"{finished} of {len(self.rows)} seeds finished"


def what_differs(sides: Sequence[Side]) -> dict[str, tuple[Any, ...]]:
    """Return setting → its value on each side; None where a configuration does not have it."""
    return {n: v for n, v in _values(sides).items() if any(value != v[0] for value in v[1:])}


def what_is_shared(sides: Sequence[Side]) -> dict[str, Any]:
    """Return setting → its value, where it is the same on all sides."""
    return {n: v[0] for n, v in _values(sides).items() if all(value == v[0] for value in v[1:])}


def comparable(sides: Sequence[Side]) -> bool:
    """Tell whether all were measured on the same rows with the same metric."""
    return all(side.measured == sides[0].measured for side in sides)


def places(sides: Sequence[Side]) -> list[Place]:
    """Return where any of them has scores, validation first."""
    return sorted({p for side in sides for p in side.scores}, key=lambda p: (p[0] == "test", p))


def _values(sides: Sequence[Side]) -> Mapping[str, tuple[Any, ...]]:
    names = dict.fromkeys(name for side in sides for name in side.settings)
    return {name: tuple(side.settings.get(name) for side in sides) for name in names}


def _place(score: ScoreRow) -> Place:
    return score.split.value, score.depth, score.metric
