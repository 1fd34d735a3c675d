import time

import pytest

from workers.training.checkpoint_pace import Pace


@pytest.mark.parametrize(("share", "due"), [(0.0, False), (1.0, True)])
def test_never_and_always(share: float, due: bool) -> None:
    pace = Pace(share)
    assert pace.due is due
    with pace.writing():
        time.sleep(0.01)
    assert pace.due is due


def test_what_is_spent_stays_below_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer of 30 ms in a trial of 60 s, asked every 100 ms."""
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    pace, spent, first = Pace(0.01), 0.0, None
    while now < 60.0:
        now += 0.1
        if pace.due:
            first = first or now
            with pace.writing():
                now += 0.03
            spent += 0.03
        if now > 10:  # the first one is a guess
            assert spent <= 0.01 * now
    assert first == pytest.approx(0.5, abs=0.11)
    assert spent > 0.005 * now
