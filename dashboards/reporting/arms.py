"""What findings compare: one kind of configuration in every panel, on validation and on test."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboards.comparing import Chosen, Panel, choose
from dashboards.reporting.differences import Difference, Scores, paired
from workers.contract.trial import DropMode, Method

TestScores = Mapping[str, float]
"""Trial → its primary metric on test, at its own depth."""


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a name for it, and its scores by panel and seed."""

    name: str
    validation: Scores
    test: Scores


@dataclass(frozen=True)
class Contrast:
    """One arm against another.

    Attributes:
        test: of those of the pairs that have a score on test, None where none has.
    """

    one: Arm
    other: Arm
    validation: Difference
    test: Difference | None


class Arms:
    """Makes arms of the panels of one sweep."""

    def __init__(self, panels: Sequence[Panel], test: TestScores) -> None:
        self.panels = panels
        self._test = test

    def of(
        self, name: str, pick: Callable[[Panel], Sequence[Chosen]], depth: int | None = None
    ) -> Arm:
        """Take the first that `pick` gives of each panel, at a depth; None: at its own."""
        validation: dict[str, dict[int, float]] = {}
        test: dict[str, dict[int, float]] = {}
        for each in self.panels:
            for chosen in pick(each)[:1]:
                line = chosen.line
                at = line.at if depth is None else depth
                if line.scores.get(at):
                    validation[each.title] = dict(line.scores[at])
                    test[each.title] = self._on_test(chosen, at)
        return Arm(name, validation, test)

    def scored(self, name: str, read: Callable[[Panel], Mapping[int, float] | None]) -> Arm:
        """Take what `read` gives of each panel, seed → score on validation."""
        found = {each.title: read(each) for each in self.panels}
        return Arm(name, {title: dict(scores) for title, scores in found.items() if scores}, {})

    def best(
        self, name: str, method: Method, mode: DropMode | None = None, *, depth: int | None = 0
    ) -> Arm:
        """Take the best configuration of a method and a way of dropping."""
        return self.of(name, lambda each: choose(each.of(method, mode=mode)), depth)

    def _on_test(self, chosen: Chosen, depth: int) -> dict[int, float]:
        rows = (row for row in chosen.line.rows if row.drop_depth == depth)
        return {row.seed: self._test[row.trial_id] for row in rows if row.trial_id in self._test}


def contrast(one: Arm, other: Arm) -> Contrast | None:
    """Compare two arms where both have scores, None where that is nowhere."""
    validation = paired(one.validation, other.validation)
    if validation is None:
        return None
    return Contrast(one, other, validation, paired(one.test, other.test))


def contrasts(pairs: Iterable[tuple[Arm, Arm]]) -> list[Contrast]:
    """Compare those of the pairs that can be compared."""
    return [found for one, other in pairs if (found := contrast(one, other)) is not None]
