"""The study's sweep plans what it announces, and measures every claim that it is meant for."""

from pathlib import Path

import pytest

from dashboards.study.adapterdrop_speeds import SPEEDS
from dashboards.study.estimates import Verdict
from dashboards.study.study import CLAIMS, make_study
from orchestrator.catalog.catalog import Catalog
from orchestrator.planning.measure_plan import plan_measurement
from orchestrator.planning.plan import Plan
from orchestrator.running.driver import plan_sweep
from orchestrator.spec.measure_model import MeasureSpec
from orchestrator.spec.read import read_as
from orchestrator.stores import Stores
from tests.conftest import SHARED_DATA
from tests.unit.dashboards.conftest import made_up
from tests.unit.test_paper_sweeps import PAPERS, SMALL, announced, planned
from workers.contract.measurement import Machine, Timing
from workers.contract.trial import Method

STUDY = SMALL / "study.yaml"
FUSIONS = ("adapterdrop_figure4", "adapterdrop_figure5")
ELSEWHERE = {"below-full-on-mnli"}
"""Claims about a task that is not among those of the twins."""


def test_it_plans_what_it_announces() -> None:
    plan = planned(STUDY)
    each = 8 * 2
    assert plan.count_by_method() == {
        Method.ADAPTER: each * 12,
        Method.FULL_FINE_TUNING: each,
        Method.TOP_LAYERS: each,
        Method.LAYER_NORM: each,
        Method.PRUNED_ADAPTER: each * 21,
    }
    assert announced(STUDY) == len(plan.trials)


def test_every_rate_that_is_tried_is_one_that_the_study_can_be_given() -> None:
    """So that what is found out says something of the study."""
    rates = planned(SMALL / "rates.yaml")
    assert len(rates.trials) == announced(SMALL / "rates.yaml") == 8 * 2 * 21
    adapters = ("rate", "sharing_rate", "houlsby_rate", "norm_rate")
    given = [f"{name}=[1e-3,3e-3,1e-2]" for name in adapters]
    given += ["base_rate=[3e-5,1e-4,3e-4]", "top_rate=[1e-4,3e-4,1e-3]"]
    study = plan_sweep(STUDY, [f"data={SHARED_DATA}", *given])[0]
    assert set(rates.trials) < set(study.trials)


def test_a_part_of_the_tasks_is_a_part_of_the_trials() -> None:
    whole = planned(STUDY)
    values = [f"data={SHARED_DATA}", "measured=[cb, trec]", "seeds=[1]"]
    part: Plan = plan_sweep(STUDY, values)[0]
    assert {t.task.name for t in part.trials.values()} == {"cb", "trec"}
    assert set(part.trials) < set(whole.trials)


def test_every_claim_names_a_sweep_that_there_is_and_all_are_counted() -> None:
    assert f"`study` says of {len(CLAIMS)} claims" in (PAPERS.parents[1] / "README.md").read_text()
    for claim in CLAIMS:
        assert (PAPERS / f"{claim.sweep}.yaml").exists(), claim.key


@pytest.mark.parametrize("folder", [PAPERS, SMALL], ids=["paper", "twin"])
def test_the_measurement_answers_every_claim_about_time(folder: Path, tmp_path: Path) -> None:
    plan = plan_measurement(*read_as(MeasureSpec, folder / "efficiency.yaml"))
    machine = Machine(
        device="c", cpu="c", cores=1, python="3", torch="2", transformers="5", adaptersweep="0"
    )
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    with Catalog.open(stores.catalog_url) as catalog:
        for group in plan.groups:
            seconds = {"wall_s": (1.0, 1.1), "cpu_s": (1.0, 1.1)}
            timings = [Timing(cell=cell, **seconds) for cell in group.cells]
            clock = plan.clock(group)
            catalog.record_measurements(
                group, timings, machine, spec=("efficiency", "0"), clock=clock, load=(0.0, 0.0)
            )
        answers = make_study(catalog).answers
    measured = {a.claim.key for a in answers if a.verdict is not Verdict.NOT_MEASURED}
    assert measured == {claim.key for claim in SPEEDS}


def test_it_measures_every_claim_about_scores(tmp_path: Path) -> None:
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    with Catalog.open(stores.catalog_url) as catalog:
        for path in (STUDY, *(SMALL / f"{name}.yaml" for name in FUSIONS)):
            plan, trials = planned(path), list(planned(path).trials.values())
            catalog.begin_submission(plan.spec.name, path.read_text(encoding="utf-8"), trials)
            results = [made_up(trial, plan.trials) for trial in trials]
            catalog.record_results(plan.spec.name, results)
        answers = make_study(catalog).answers
    missing = {a.claim.key for a in answers if a.verdict is Verdict.NOT_MEASURED}
    assert missing == ELSEWHERE | {c.key for c in CLAIMS if c.sweep == "efficiency"}
