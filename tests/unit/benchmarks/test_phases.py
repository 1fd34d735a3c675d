"""The profile's promise: phases are exclusive, sum to the total, and name functions that exist."""

import json

from tests.benchmarks.own_phases import PHASES
from tests.benchmarks.phases import PhaseClock, phases_of


def test_a_second_belongs_to_the_innermost_phase_and_all_sum_to_the_total() -> None:
    now = {"wall": 100.0, "cpu": 10.0}

    def work(wall: float, cpu: float) -> None:
        now["wall"] += wall
        now["cpu"] += cpu

    clock = PhaseClock("rest", wall=lambda: now["wall"], cpu=lambda: now["cpu"])
    work(1, 1)
    with clock.phase("outer"):
        work(2, 1)
        for _ in range(2):
            with clock.phase("inner"):
                work(8, 4)
        work(4, 3)
    work(32, 0)
    clock.settle()
    assert clock.wall_s == {"rest": 33, "outer": 6, "inner": 16}
    assert clock.cpu_s == {"rest": 1, "outer": 4, "inner": 8}
    assert clock.calls == {"outer": 1, "inner": 2}


def test_wrapped_functions_work_as_before_and_are_put_back() -> None:
    clock, own = PhaseClock("rest"), json.dumps
    with phases_of(clock, {"json:dumps": "writing", "json:JSONDecoder.decode": "reading"}):
        assert json.dumps([1]) == "[1]"
        assert json.JSONDecoder().decode("[1]") == [1]
    assert json.dumps is own
    assert clock.calls == {"writing": 1, "reading": 1}


def test_every_phase_of_a_worker_names_a_function_that_is_there() -> None:
    with phases_of(PhaseClock("rest"), PHASES):
        pass
