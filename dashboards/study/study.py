"""The study: every claim with what was measured for it, what its test makes of that, and traces."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.results import read_results
from dashboards.study.adapterdrop_scores import SCORES as ADAPTERDROP_SCORES
from dashboards.study.adapterdrop_speeds import SPEEDS
from dashboards.study.claims import PaperClaim
from dashboards.study.estimates import Estimate, Verdict, judge
from dashboards.study.evidence import Evidence
from dashboards.study.houlsby_scores import SCORES as HOULSBY_SCORES
from orchestrator.catalog.catalog import Catalog

CLAIMS: tuple[PaperClaim, ...] = (*ADAPTERDROP_SCORES, *SPEEDS, *HOULSBY_SCORES)


@dataclass(frozen=True)
class Answer:
    """A claim, what was measured for it, and what its test says of that."""

    claim: PaperClaim
    estimate: Estimate | None

    @property
    def verdict(self) -> Verdict:
        return judge(self.claim.test, self.estimate)


@dataclass(frozen=True)
class Study:
    """All claims, and on what they were measured.

    Attributes:
        tasks: each with its rows' fingerprint, metric, majority score, and finished trials.
        machines: on which times were measured, in words.
    """

    answers: Sequence[Answer]
    tasks: Sequence[tuple[str, str, str, float, int]]
    machines: Sequence[str]

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(answer.verdict for answer in self.answers)


def make_study(catalog: Catalog, sweep: str | None = None) -> Study:
    """Measure every claim on what a catalog holds, or one sweep of it.

    Raises:
        CatalogError: there is no such sweep.
    """
    results = read_results(catalog, sweep)
    evidence = Evidence(results, catalog.timed())
    answers = [Answer(claim, claim.measure(evidence)) for claim in CLAIMS]
    tasks = [
        (
            panel.title,
            panel.key.fingerprint,
            panel.key.metric,
            panel.majority,
            sum(line.finished.total() for line in panel.lines),
        )
        for panel in evidence.panels
    ]
    machines = {
        f"{row.machine.device}, {row.machine.cores} cores, torch {row.machine.torch}, "
        f"base of {row.conditions.base.layers} layers of {row.conditions.base.hidden_size}"
        for rows in evidence.measured
        for row in rows
    }
    return Study(answers, tasks, sorted(machines))
