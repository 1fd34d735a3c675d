"""The profile's promise: phases are exclusive, sum to the total, and name functions that exist."""

import json
import time

import pytest

from tests.benchmarks.own_phases import PHASES
from tests.benchmarks.phases import PhaseClock, phases_of


def test_a_second_belongs_to_the_innermost_phase_and_all_sum_to_the_total() -> None:
    clock, started = PhaseClock("rest"), time.perf_counter()
    with clock.phase("outer"):
        time.sleep(0.02)
        with clock.phase("inner"):
            time.sleep(0.05)
        time.sleep(0.02)
    clock.settle()
    total = time.perf_counter() - started
    assert 0.05 <= clock.wall_s["inner"] < 0.04 + clock.wall_s["outer"]
    assert 0.04 <= clock.wall_s["outer"] < 0.09
    assert sum(clock.wall_s.values()) == pytest.approx(total, abs=0.002)


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
