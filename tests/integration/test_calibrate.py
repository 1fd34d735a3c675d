"""`plan --calibrate` on the command line: measured once, and known to the plans after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_a_plan_is_calibrated_and_the_next_one_knows(
    adaptersweep: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    sweep, workspace = toy_sweep(), tmp_path / "workspace"
    before = adaptersweep("plan", sweep, "-w", workspace, "--json").json["forecast"]
    assert before["hours"] is None
    assert before["cpu_hours"] is None
    (why,) = before["unknown"]
    assert "how fast toy is here" in why
    said = adaptersweep("plan", sweep, "-w", workspace)
    assert f"`adaptersweep plan {sweep} --calibrate`" in said.out.replace("\n", " ")

    measured = adaptersweep("plan", sweep, "-w", workspace, "--calibrate", "--json")
    found = measured.json["forecast"]
    assert "calibrated in" in measured.err
    assert found["unknown"] == {}
    for name in ("hours", "cpu_hours"):
        assert 0 < found[name]["low"] < found[name]["likely"] < found[name]["high"]
    assert found["measured_trials"] == found["calibrated_trials"] > 0
    assert measured.json["reused"] == 0, "a calibration finishes nothing"
    assert not (workspace / "catalog.sqlite").exists()

    again = adaptersweep("plan", sweep, "-w", workspace, "--json").json["forecast"]
    assert again == found
    table = adaptersweep("plan", sweep, "-w", workspace, "--workers", "3").out
    assert "with 3 workers (as --workers says)" in table
    assert "small trials of a calibration" in table
