"""The forecast of a plan against costs that are made up, and so known."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.commands.forecast_words import sentences
from orchestrator.errors import OrchestratorError
from orchestrator.planning.forecasting.cost_model import Clock, CostModel
from orchestrator.planning.forecasting.estimates import Estimate, Range, Total
from orchestrator.planning.forecasting.observations import Observation, observe
from orchestrator.planning.forecasting.trial_work import (
    Machine,
    Sizes,
    SplitSize,
    measuring_work,
    prefix_needs,
    size_key,
    training_work,
)
from orchestrator.planning.plan import Plan
from orchestrator.running.driver import plan_sweep
from orchestrator.running.forecasting import measured_costs
from orchestrator.running.forecasting.forecast_values import Known, PlanForecast, Pool, Workers
from orchestrator.running.forecasting.plan_forecast import forecast_plan
from orchestrator.running.forecasting.rehearsal import Times, rehearse
from orchestrator.running.forecasting.time_left import TimeLeft
from orchestrator.running.node_room import Node
from orchestrator.running.work_queue import WorkState
from orchestrator.running.worker_shapes import WorkerRoom
from workers.contract.results import Reading
from workers.contract.spending import Phase, Spent
from workers.contract.task_card import Split
from workers.contract.trial import Method, Trial

MACHINE = Machine("cpu", 1)
SIZES: Sizes = {
    Split.TRAIN: SplitSize(1000, 1000, 30_000),
    Split.VALIDATION: SplitSize(200, 200, 6_000),
    Split.TEST: SplitSize(100, 100, 3_000),
}
UNIT_S, BATCH_S, FIXED_S, BASE_S, START_S, TOKEN_S = 5e-5, 2e-3, 0.2, 0.5, 3.0, 1e-5


def seconds_of(trial: Trial, sizes: Sizes, epochs: int) -> dict[Phase, float]:
    """What a trial takes in this world."""
    found = {Phase.BUILD: FIXED_S / 2, Phase.KEEPING: FIXED_S / 2}
    training = training_work(trial, sizes, MACHINE) * epochs
    measuring = measuring_work(trial, sizes, MACHINE, epochs)
    if epochs:
        found[Phase.TRAINING] = UNIT_S * training.token_layers + BATCH_S * training.batches
    found[Phase.MEASURING] = UNIT_S * measuring.token_layers + BATCH_S * measuring.batches
    return found


def observed(
    trial: Trial, sizes: Sizes = SIZES, *, times: float = 1.0, first: bool = False
) -> Observation:
    """Return what was measured of a trial; the first one of a worker also started it."""
    epochs = 0 if trial.pruning else trial.training.epochs
    seconds = seconds_of(trial, sizes, epochs)
    if first:
        tokens = sum(size.tokens for size in sizes.values())
        seconds |= {Phase.START: START_S, Phase.BASE: BASE_S, Phase.TASK: TOKEN_S * tokens}
    spent = {p: Spent(wall_s=2 * times * s, cpu_s=times * s) for p, s in seconds.items()}
    return Observation(trial=trial, sizes=dict(sizes), machine=MACHINE, epochs=epochs, spent=spent)


@pytest.fixture
def plan(toy_sweep: Callable[..., Path]) -> Plan:
    return plan_sweep(toy_sweep())[0]


def sizes_of(plan: Plan) -> Mapping[Any, Sizes]:
    return {size_key(trial): SIZES for trial in plan.trials.values()}


def known(plan: Plan, trials: Sequence[Trial]) -> Known:
    observations = [observed(trial, first=i == 0) for i, trial in enumerate(trials)]
    return Known(observations, sizes=sizes_of(plan), starts=[10.0], ends=[2.0])


def forecast(plan: Plan, done: Sequence[str] = (), workers: int = 1) -> PlanForecast:
    return forecast_plan(plan, done, known(plan, list(plan.trials.values())), Workers(workers))


def truth(trials: Sequence[Trial]) -> float:
    return sum(
        sum(seconds_of(t, SIZES, 0 if t.pruning else t.training.epochs).values()) for t in trials
    )


def test_costs_that_follow_the_model_are_found_again(plan: Plan) -> None:
    found = forecast(plan)
    trials = list(plan.trials.values())
    stages = sum(stage.cpu_s.likely for stage in found.stages)
    assert stages == pytest.approx(truth(trials), rel=0.02)
    assert sum(s.worker_s.likely for s in found.stages) == pytest.approx(2 * stages)
    assert found.cpu_s.low < found.cpu_s.likely < found.cpu_s.high
    assert found.unknown == {}
    assert found.guessed == 0


def test_the_wall_is_what_one_worker_does_and_what_a_submission_adds(plan: Plan) -> None:
    found = forecast(plan)
    # The start of the worker is in what a submission takes before its first trial.
    assert found.wall_s.likely == pytest.approx(
        found.worker_s.likely - 2 * START_S + 10 + 2, rel=0.02
    )


def test_more_workers_are_quicker_and_start_more_often(plan: Plan) -> None:
    one, four = forecast(plan, workers=1), forecast(plan, workers=4)
    assert four.wall_s.likely < one.wall_s.likely
    assert four.shared.cpu_s.likely > one.shared.cpu_s.likely
    assert [s.cpu_s for s in four.stages] == [s.cpu_s for s in one.stages]


def test_what_is_finished_costs_nothing(plan: Plan) -> None:
    found = forecast(plan, list(plan.trials))
    assert found.stages == []
    assert found.to_run == 0
    assert (found.wall_s.high, found.cpu_s.high, found.storage_bytes.high) == (0, 0, 0)


def test_without_measurements_it_says_that_it_does_not_know(plan: Plan) -> None:
    found = forecast_plan(plan, (), Known(), Workers(1))
    assert not found.known
    assert sum(found.unknown.values()) == len(plan.trials)
    (why,) = found.unknown
    assert why == "how fast toy is here (cpu, float32)"
    said = found.as_json()
    assert (said["hours"], said["cpu_hours"], said["stages"]) == (None, None, [])
    assert said["storage_bytes"]["parts"]["adapters"] > 0  # which are counted


def test_a_task_of_unknown_length_is_named(plan: Plan) -> None:
    complete = known(plan, list(plan.trials.values()))
    left_out = next(t for t in plan.trials.values() if t.task.name == "two")
    sizes = {key: s for key, s in complete.sizes.items() if key != size_key(left_out)}
    found = forecast_plan(plan, (), replace(complete, sizes=sizes), Workers(1))
    assert list(found.unknown) == ["how many tokens two has"]
    assert found.known


def test_another_device_or_precision_is_not_told_from_this_one(plan: Plan) -> None:
    complete = known(plan, list(plan.trials.values()))
    found = forecast_plan(plan, (), complete, Workers(1, gpus=1.0))
    assert list(found.unknown) == ["how fast toy is here (cuda, float32)"]


def test_a_method_that_was_never_measured_is_told_from_others_with_more_doubt(plan: Plan) -> None:
    adapters = [t for t in plan.trials.values() if t.method is Method.ADAPTER]
    found = forecast_plan(plan, (), known(plan, adapters), Workers(1))
    others = [t for t in plan.trials.values() if t.method is not Method.ADAPTER]
    assert found.guessed == len(others)
    stages = {stage.name: stage for stage in found.stages}
    wide, narrow = stages["full fine tuning"].cpu_s, stages["adapter"].cpu_s
    assert wide.high / wide.low > 1.8 > narrow.high / narrow.low
    tuned = [t for t in plan.trials.values() if t.method is Method.FULL_FINE_TUNING]
    assert wide.low < truth(tuned) < wide.high


def test_trials_for_another_kind_of_workers_are_told_from_such_machines(
    toy_sweep: Callable[..., Path],
) -> None:
    path = toy_sweep()
    kinds = "resources: { kinds: [{ where: { method: full_fine_tuning }, gpus: 0.5 }] }\n"
    path.write_text(path.read_text() + kinds)
    plan = plan_sweep(path)[0]
    trials = list(plan.trials.values())
    found = forecast_plan(plan, (), known(plan, trials), Workers(1))
    tuned = [t for t in trials if t.method is Method.FULL_FINE_TUNING]
    assert found.unknown == {"how fast toy is here (cuda, float32)": len(tuned)}
    on_gpu = [
        observed(t).model_copy(update={"machine": Machine("cuda", 1, keeps_prefixes=False)})
        for t in tuned
    ]
    complete = known(plan, trials)
    more = replace(complete, observations=[*complete.observations, *on_gpu])
    found = forecast_plan(plan, (), more, Workers(1))
    assert found.unknown == {}
    (stage,) = [s for s in found.stages if s.name == "full fine tuning"]
    assert found.gpu_s is not None
    assert found.gpu_s.likely == pytest.approx(stage.worker_s.likely / 2)


def test_what_may_end_trials_sooner_is_said(toy_sweep: Callable[..., Path]) -> None:
    path = toy_sweep()
    path.write_text(path.read_text() + "stop: { max_hours: 1 }\n")
    plan = plan_sweep(path)[0]
    found = forecast(plan)
    assert found.as_json()["may_end_sooner"] == ["stop"]
    said = " ".join(sentences(found, calibrating="x"))
    assert "`stop` may stop some sooner" in said
    assert forecast_plan(plan, list(plan.trials), known(plan, []), Workers(1)).to_run == 0


def test_bytes_of_predictions_are_named_where_rows_are_known(
    toy_sweep: Callable[..., Path],
) -> None:
    plan = plan_sweep(toy_sweep())[0]
    nothing = replace(known(plan, []), sizes={})
    said = [
        next(s for s in sentences(found, calibrating="x") if s.startswith("storage: "))
        for found in (forecast(plan), forecast_plan(plan, (), nothing, Workers(1)))
    ]
    assert ["predictions" in each for each in said] == [True, False]
    assert all("adapters" in each and "databases" in each for each in said)


def depth_trial(samples: Any, depth: int) -> Trial:
    trial: Trial = samples.trial(depth=depth)
    return trial


def test_between_two_measured_depths_it_is_interpolated(samples: Any) -> None:
    """Deep drops cost more here than work says, by as much more for each layer."""

    def off(depth: int) -> float:
        return 1 + 0.1 * depth

    seen = [observed(depth_trial(samples, d), times=off(d)) for d in (1, 3, 5) for _ in range(3)]
    model = CostModel(seen, MACHINE, Clock.CPU)
    for depth in (2, 4):
        trial = depth_trial(samples, depth)
        cost = model.cost(trial, SIZES)
        assert cost is not None
        expected = seconds_of(trial, SIZES, 3)[Phase.TRAINING] * off(depth)
        assert cost.training.value == pytest.approx(expected, rel=0.1)


def test_twice_the_tokens_cost_twice_the_seconds(samples: Any) -> None:
    trial = samples.trial()
    model = CostModel([observed(trial) for _ in range(3)], MACHINE, Clock.CPU)
    double: Sizes = {
        s: SplitSize(2 * n.rows, 2 * n.sequences, 2 * n.tokens) for s, n in SIZES.items()
    }
    once, twice = model.cost(trial, SIZES), model.cost(trial, double)
    assert once is not None
    assert twice is not None
    assert twice.training.value == pytest.approx(2 * once.training.value, rel=0.02)


def test_trials_that_stop_early_are_expected_to_do_so_again(samples: Any) -> None:
    trial = samples.trial()
    patient = trial.training.model_copy(update={"epochs": 20, "patience": 3})
    trial = trial.model_copy(update={"training": patient})
    model = CostModel([observed(samples.trial())], MACHINE)
    unknown = model.cost(trial, SIZES)
    assert unknown is not None
    assert 4 < unknown.epochs < 20
    seen = [
        observed(samples.trial()),
        observed(trial).model_copy(update={"epochs": 10}),
    ]
    found = CostModel(seen, MACHINE).cost(trial, SIZES)
    assert found is not None
    assert found.epochs == pytest.approx(10)


def test_frozen_prefixes_are_computed_once(samples: Any) -> None:
    trial = samples.trial(depth=3)
    needs = prefix_needs(trial, SIZES, MACHINE)
    assert {split: [n.height for n in of] for split, of in needs.items()} == {
        split: [4.0] for split in Split
    }
    assert sum(n.size_bytes for n in needs[Split.TRAIN]) == 30_000 * 384 * 4
    assert prefix_needs(trial, SIZES, Machine(keeps_prefixes=False)) == {}


def test_a_result_says_what_it_took_and_how_long_its_rows_are(samples: Any) -> None:
    trial = samples.trial()
    result = samples.result(trial)
    assert observe(trial, result) is None  # of a version that did not say
    readings = {
        split: Reading(rows=n.rows, sequences=n.sequences, tokens=int(n.tokens))
        for split, n in SIZES.items()
    }
    spent = {Phase.TRAINING: Spent(wall_s=2.0, cpu_s=1.0)}
    found = observe(trial, result.model_copy(update={"readings": readings, "spent": spent}))
    assert found is not None
    assert found.sizes == SIZES
    assert found.epochs == 3


def test_a_sum_of_equal_doubts_is_as_doubtful_and_of_own_doubts_less() -> None:
    shared, own = Total(), Total()
    shared.add(Estimate(1.0, shared=0.2), 100)
    own.add(Estimate(1.0, own=0.2), 100)
    assert shared.doubt == pytest.approx(0.2)
    assert own.doubt == pytest.approx(0.02)
    assert shared.range.high == pytest.approx(100 * math.exp(0.2 * 1.2816))


def test_a_fusion_waits_for_its_sources_in_the_rehearsal(samples: Any) -> None:
    sources = [samples.trial(task=task) for task in ("rte", "cb")]
    fusion = samples.fusion(*sources)
    trials = {t.trial_id: t for t in (*sources, fusion)}
    times = Times(dict.fromkeys(trials, 10.0), base=lambda _: 1.0, task=lambda _: 2.0)
    found = rehearse(trials, (), times, workers=Workers(4))
    # Side by side 1 + 2 + 10, then the fusion on a worker that has its task or not.
    assert found.wall_s in (23.0, 25.0)
    assert found.workers == 2
    alone = rehearse(trials, (), times, workers=Workers(1))
    assert alone.wall_s == 3 * 10 + 1 + 2 * 2
    assert alone.base_loads.total() == 1
    reused = rehearse(trials, [s.trial_id for s in sources], times, workers=Workers(4))
    assert reused.wall_s == 13.0


def test_workers_of_each_kind_are_a_pool_of_their_own(samples: Any) -> None:
    trials = {t.trial_id: t for t in (samples.trial(seed=seed) for seed in range(6))}
    times = Times(dict.fromkeys(trials, 10.0))
    kinds = dict.fromkeys(list(trials)[4:], 1)

    def wall_s(workers: Workers) -> float:
        return rehearse(trials, (), times, workers=workers, kinds=kinds).wall_s

    one = {1: Pool(1, bundle_size=1)}
    assert wall_s(Workers(4, bundle_size=1, others=one)) == 20.0, "the one of its kind has two"
    assert wall_s(Workers(1, bundle_size=1, others=one)) == 40.0, "the usual one has four"
    wide = {1: Pool(2, bundle_size=1)}
    assert wall_s(Workers(4, bundle_size=1, others=wide)) == 10.0
    assert wall_s(Workers(4, bundle_size=1, others=wide, most=1)) == 60.0
    assert wall_s(Workers(4, bundle_size=1, others=wide, most=3)) == 20.0
    shared = Node(4, 0)
    two_cpus = {1: Pool(2, cpus=2, bundle_size=1)}
    # Four processors: two and one of two at first, then the same again.
    assert wall_s(Workers(4, bundle_size=1, others=two_cpus, node=shared)) == 20.0
    on_gpu = {1: Pool(1, gpus=1, bundle_size=1)}
    assert wall_s(Workers(8, bundle_size=1, others=on_gpu, node=Node(8, 1))) == 20.0
    assert wall_s(Workers(3, bundle_size=1)) == 20.0, "without such a kind the usual ones run all"


def test_the_forecast_goes_by_the_workers_that_fit_of_each_kind(
    toy_sweep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = toy_sweep()
    text = "resources: { kinds: [{ where: { method: full_fine_tuning }, cpus: 3 }] }\n"
    path.write_text(path.read_text() + text)
    plan = plan_sweep(path)[0]
    monkeypatch.setattr(measured_costs, "this_machine", lambda: Node(4, 0))
    here = measured_costs.workers_here(plan)
    assert (here.count, here.others[1].count, here.node) == (4, 1, Node(4, 0))
    assert here.in_words == "4 workers and 1 of resources.kinds[0]"
    cluster = measured_costs.workers_here(plan, [8, 2])
    assert (cluster.count, cluster.others[1].count, cluster.node) == (8, 2, None)
    assert measured_costs.workers_here(plan, [8]).others[1].count == 8
    with pytest.raises(OrchestratorError, match=r"--workers.*1 kinds at most, found 3"):
        measured_costs.workers_here(plan, [1, 2, 3])
    trials = list(plan.trials.values())
    others = replace(cluster, others={1: replace(cluster.others[1], count=1)})
    wall = [
        forecast_plan(plan, (), known(plan, trials), w).wall_s.likely for w in (cluster, others)
    ]
    assert wall[0] < wall[1], "fewer of its kind take longer, however many others there are"


def test_the_time_left_begins_with_the_forecast_and_learns_from_results(
    plan: Plan, samples: Any
) -> None:
    states = dict.fromkeys(plan.trials, WorkState.READY)
    assert TimeLeft(plan, Known(), Workers(1)).left(states, {}, WorkerRoom(1)) is None
    trials = list(plan.trials.values())
    time_left = TimeLeft(plan, known(plan, trials), Workers(1))
    all_of_it = time_left.left(states, {}, WorkerRoom(1))
    assert all_of_it is not None
    assert all_of_it.likely == pytest.approx(2 * truth(trials), rel=0.05)
    first, second, *_ = plan.trials
    done = states | {first: WorkState.FINISHED, second: WorkState.RUNNING}
    epoch = samples.epoch(1)
    less = time_left.left(done, {second: epoch}, WorkerRoom(1))
    assert less is not None
    assert less.likely < all_of_it.likely
    two = time_left.left(done, {second: epoch}, WorkerRoom(2))
    assert two is not None
    assert less.likely / 2 <= two.likely < less.likely
    assert time_left.left(
        dict.fromkeys(plan.trials, WorkState.FINISHED), {}, WorkerRoom(1)
    ) == Range(0, 0, 0)


def test_without_a_forecast_the_time_left_is_told_from_what_was_finished(
    plan: Plan, samples: Any
) -> None:
    time_left = TimeLeft(plan, Known(), Workers(1))
    first, *others = plan.trials.values()
    time_left.note(first, samples.result(first))  # of a version that does not say what it took
    states = {t.trial_id: WorkState.READY for t in others} | {first.trial_id: WorkState.FINISHED}
    found = time_left.left(states, {}, WorkerRoom(1))
    assert found is not None
    assert found.likely == pytest.approx(12.5 * len(others))
    assert found.low < found.likely < found.high


def test_the_time_left_counts_workers_that_wait_for_the_driver(
    plan: Plan, samples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers, of which each has a trial of 0.25 s every second."""
    time_left, room, now_s = TimeLeft(plan, Known(), Workers(2)), WorkerRoom(2), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    first = next(iter(plan.trials.values()))
    result = samples.result(first).model_copy(update={"duration_s": 0.25})

    def after(results: int, state: WorkState, every_s: float = 0.5) -> float:
        nonlocal now_s
        for _ in range(results):
            now_s += every_s
            time_left.note(first, result)
        found = time_left.left(dict.fromkeys(plan.trials, state), {}, room)
        assert found is not None
        return found.likely

    unknown = after(39, WorkState.READY)
    waits = after(1, WorkState.READY)
    assert waits == pytest.approx(4 * unknown)
    assert after(1, WorkState.WAITING, every_s=9.0) == waits, "they wait for parents"
    assert after(1, WorkState.READY, every_s=3600.0) == unknown, "it was paused"


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_more_trials_are_never_cheaper_and_reuse_is_never_dearer(
    plan_of_toys: Plan, data: st.DataObject
) -> None:
    ids = list(plan_of_toys.trials)
    first = data.draw(st.sets(st.sampled_from(ids)))
    more = first | data.draw(st.sets(st.sampled_from(ids)))
    workers = data.draw(st.integers(1, 3))
    less_left, more_left = (forecast(plan_of_toys, sorted(done), workers) for done in (more, first))
    assert less_left.cpu_s.likely <= more_left.cpu_s.likely * (1 + 1e-9) + workers * START_S
    assert sum(s.cpu_s.likely for s in less_left.stages) <= (
        sum(s.cpu_s.likely for s in more_left.stages) * (1 + 1e-9)
    )
    assert less_left.storage_bytes.likely <= more_left.storage_bytes.likely
    one_less, one_more = (forecast(plan_of_toys, sorted(done), 1) for done in (more, first))
    assert one_less.wall_s.likely <= one_more.wall_s.likely * (1 + 1e-9)


@pytest.fixture(scope="module")
def plan_of_toys(tmp_path_factory: pytest.TempPathFactory, toy_base: Path) -> Plan:
    from tests.conftest import write_toy_sweep

    folder = tmp_path_factory.mktemp("sweep")
    return plan_sweep(write_toy_sweep(folder, toy_base, seeds="[0]", epochs=2))[0]
