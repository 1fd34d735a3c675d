"""What the rules decide, from curves alone."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.planning.early_termination import Curve, Group, Ranks, in_words
from orchestrator.spec.termination import EarlyTermination, TerminationRule
from workers.contract.decision_points import DecisionPoints, epoch_at

HALVING = EarlyTermination(grace_period=1, reduction_factor=3)
MEDIAN = EarlyTermination(rule=TerminationRule.MEDIAN, grace_period=2)


def group(rule: EarlyTermination, seeds: Mapping[str, Sequence[str]], epochs: int = 9) -> Group:
    made = Group(rule)
    for configuration, trials in seeds.items():
        made.enter(configuration, trials, epochs)
    return made


def hear(made: Group, name: str, epoch: int, score: float, seed: str | None = None) -> None:
    made.hear(name, seed or name, epoch, selection=score, score=score)


def alone(names: str, rule: EarlyTermination = HALVING, epochs: int = 9) -> Group:
    return group(rule, {name: [name] for name in names}, epochs)


def test_at_a_rung_one_in_three_goes_on() -> None:
    made = alone("abcdef")
    for name, score in zip("abcdef", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), strict=True):
        hear(made, name, 1, score)
    assert [n for n in "abcdef" if made.verdict(n) is None] == ["e", "f"]
    found = made.verdict("a")
    assert found is not None
    assert (found.epoch, found.score, found.bar, found.better, found.compared) == (
        1,
        0.1,
        0.5,
        2,
        6,
    )
    assert (found.best, found.best_score) == ("f", 0.6)
    assert "after epoch 1: 0.1000 (one seed) is not among the best 2 of 6" in in_words(found, "F")


def test_who_comes_first_goes_on_until_others_have_come() -> None:
    made = alone("abc")
    hear(made, "a", 1, 0.1)
    assert made.verdict("a") is None
    hear(made, "a", 2, 0.15)
    hear(made, "b", 1, 0.5)
    found = made.verdict("a")
    assert found is not None
    assert found.epoch == 1, "compared where both have been"


def test_between_two_rungs_nobody_is_compared_at_the_next() -> None:
    made = alone("ab")
    for epoch, score in enumerate((0.6, 0.6, 0.61), 1):
        hear(made, "a", epoch, score)
    hear(made, "b", 1, 0.7)
    assert made.verdict("a") is None, "it has passed the first rung before"


def test_a_configuration_is_decided_on_by_the_mean_of_its_seeds() -> None:
    made = group(HALVING, {"a": ["a0", "a1"], "b": ["b0", "b1"]})
    hear(made, "a", 1, 0.2, "a0")
    hear(made, "b", 1, 0.4, "b0")
    assert made.verdict("a") is not None, "of the seeds that have come"
    hear(made, "a", 1, 0.9, "a1")
    assert made.verdict("a") is None
    assert made.verdict("b") is not None
    found = made.verdict("b")
    assert found is not None
    assert found.seeds == 1
    hear(made, "b", 1, 0.8, "b1")
    found = made.verdict("a")
    assert found is not None
    assert found.seeds == 2
    assert found.score == pytest.approx(0.55)


def test_who_stopped_all_others_goes_on_though_its_next_seed_falls_behind() -> None:
    """Else nobody is left, and the sweep has no winner."""
    made = group(HALVING, {"a": ["a0", "a1"], "b": ["b0", "b1"]}, epochs=9)
    hear(made, "a", 1, 0.7, "a0")
    hear(made, "b", 1, 0.6, "b0")
    assert made.verdict("b") is not None
    made.give_up("b")
    hear(made, "a", 1, 0.3, "a1")
    assert made.verdict("a") is None, "b was better than a's mean, but is not trained any more"


def test_who_came_to_its_end_before_it_was_stopped_counts_as_one_that_goes_on() -> None:
    made = alone("ab", epochs=3)
    hear(made, "a", 1, 0.5)
    made.give_up("a")
    hear(made, "b", 1, 0.4)
    assert made.verdict("b") is None
    made.end("a", "a")
    assert made.verdict("b") is not None


@settings(max_examples=200, deadline=None)
@given(data=st.data(), rule=st.sampled_from([HALVING, MEDIAN]), count=st.integers(2, 6))
def test_one_configuration_always_comes_to_its_end(
    data: st.DataObject, rule: EarlyTermination, count: int
) -> None:
    """Whatever the scores, and in whatever order epochs of two seeds come."""
    epochs, names = 4, [str(i) for i in range(count)]
    made = group(rule, {n: [f"{n}-0", f"{n}-1"] for n in names}, epochs)
    at = {f"{n}-{seed}": 0 for n in names for seed in (0, 1)}
    stopped = set[str]()
    while going := [s for s, e in at.items() if e < epochs and s[: s.index("-")] not in stopped]:
        seed = data.draw(st.sampled_from(going))
        name = seed[: seed.index("-")]
        at[seed] += 1
        hear(made, name, at[seed], data.draw(st.integers(0, 4)) / 4, seed)
        if at[seed] == epochs:
            made.end(name, seed)
        for each in names:
            running = any(0 < e < epochs for s, e in at.items() if s.startswith(f"{each}-"))
            if each not in stopped and running and made.verdict(each) is not None:
                made.give_up(each)
                stopped.add(each)
    assert stopped < set(names)


def test_seeds_that_have_not_begun_are_decided_on_at_the_first_rung() -> None:
    made = group(HALVING, {"a": ["a0", "a1"], "b": ["b0"]}, epochs=2)
    for epoch in (1, 2):
        hear(made, "a", epoch, 0.3, "a0")
    made.end("a", "a0")
    assert made.verdict("a") is None
    hear(made, "b", 1, 0.9, "b0")
    assert made.verdict("a") is not None


def test_equal_scores_go_on_together() -> None:
    made = alone("abcdef")
    for name in "abcdef":
        hear(made, name, 1, 0.5)
    assert [made.verdict(n) for n in "abcdef"] == [None] * 6


def test_a_point_counts_with_the_best_epoch_so_far() -> None:
    curve = Curve()
    for epoch, (selection, score) in enumerate(((0.5, 0.4), (0.7, 0.6), (0.6, 0.9)), 1):
        assert curve.add(epoch, selection, score)
    assert curve.scores == [0.4, 0.6, 0.6]
    assert not curve.add(3, 1.0, 1.0), "told twice"
    assert curve.at(4) is None
    curve.ended = True
    assert curve.at(4) == 0.6


def test_who_ended_by_itself_counts_at_later_rungs() -> None:
    made = alone("ab")
    for epoch in (1, 2):
        hear(made, "a", epoch, 0.8)
    made.end("a", "a")
    for epoch in (1, 2, 3):
        hear(made, "b", epoch, 0.7 if epoch == 3 else 0.9)
    assert made.verdict("b") is None
    lower = alone("ab")
    for epoch in (1, 2):
        hear(lower, "a", epoch, 0.8)
    lower.end("a", "a")
    for epoch in (1, 2, 3):
        hear(lower, "b", epoch, 0.7)
    found = lower.verdict("b")
    assert found is not None
    assert found.epoch == 3
    assert lower.verdict("a") is None, "there is nothing to stop"


def test_who_failed_counts_no_more() -> None:
    made = group(HALVING, {"a": ["a0", "a1"], "b": ["b0"]})
    hear(made, "a", 1, 0.1, "a0")
    hear(made, "a", 1, 0.9, "a1")
    hear(made, "b", 1, 0.6, "b0")
    assert made.verdict("a") is not None
    made.drop("a", "a0")
    assert made.verdict("a") is None
    hear(made, "a", 2, 0.9, "a0")  # told late


def test_the_median_rule_waits_for_its_grace_period_and_for_others() -> None:
    made = alone("abcd", MEDIAN)
    for name, score in zip("abcd", (0.1, 0.5, 0.6, 0.7), strict=True):
        hear(made, name, 1, score)
    assert made.verdict("a") is None
    for name in "bcd":
        hear(made, name, 2, 0.8)
    hear(made, "a", 2, 0.64)
    found = made.verdict("a")
    assert found is not None
    assert found.bar == pytest.approx(0.7), "the median of 0.65, 0.7 and 0.75"
    assert "the median of 3 others" in in_words(found, "D")
    few = alone("abc", MEDIAN)
    for epoch in (1, 2):
        for name, score in zip("abc", (0.1, 0.5, 0.6), strict=True):
            hear(few, name, epoch, score)
    assert few.verdict("a") is None


def test_points_are_epochs_or_shares_of_the_rows() -> None:
    assert epoch_at(3, 10) == 3
    assert [epoch_at(0.1, epochs) for epochs in (1, 10, 11, 30)] == [1, 1, 2, 3]
    points = DecisionPoints(rungs=(0.1, 0.5))
    assert [e for e in range(1, 11) if points.include(e, 10)] == [1, 5]
    assert not points.include(1, 1), "after the last epoch there is nothing to decide"
    median = DecisionPoints(every_from=2)
    assert [e for e in range(1, 6) if median.include(e, 5)] == [2, 3, 4]
    shares = EarlyTermination(grace_period=0.1, reduction_factor=3)
    assert shares.decision_points.rungs == pytest.approx((0.1, 0.3, 0.9))
    assert HALVING.decision_points.rungs[:4] == (1, 3, 9, 27)
    assert EarlyTermination(rungs=(2, 5)).decision_points.rungs == (2, 5)


def test_configurations_of_other_lengths_meet_at_shares() -> None:
    rule = EarlyTermination(rungs=(0.5,))
    made = Group(rule)
    made.enter("short", ["s"], 2)
    made.enter("long", ["l"], 10)
    hear(made, "short", 1, 0.6, "s")
    for epoch in range(1, 6):
        hear(made, "long", epoch, 0.5, "l")
        assert (made.verdict("long") is None) == (epoch < 5)


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.integers(0, 20)), min_size=2))
def test_ranks_are_those_of_a_sorted_list(puts: list[tuple[str, int]]) -> None:
    ranks, plain = Ranks(), dict[str, float]()
    for name, score in puts:
        ranks.put(name, score)
        plain[name] = score
    ordered = sorted(plain.values(), reverse=True)
    assert len(ranks) == len(ordered)
    assert [ranks.from_top(i + 1) for i in range(len(ordered))] == ordered
    assert ranks.best[1] == ordered[0]
    for name, score in plain.items():
        others = sorted(v for n, v in plain.items() if n != name)
        if others:
            middle = (others[(len(others) - 1) // 2] + others[len(others) // 2]) / 2
            assert ranks.median_without(name) == middle
        assert ranks.at_least(score) == sum(v >= score for v in ordered)


RULES = st.one_of(
    st.builds(
        EarlyTermination,
        grace_period=st.sampled_from([1, 2, 0.1, 0.25]),
        reduction_factor=st.sampled_from([1.5, 2, 3, 4]),
    ),
    st.builds(
        EarlyTermination,
        rule=st.just(TerminationRule.MEDIAN),
        grace_period=st.sampled_from([1, 2, 0.3]),
    ),
)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), rule=RULES, epochs=st.integers(1, 12), count=st.integers(2, 9))
def test_the_best_is_never_stopped_where_curves_do_not_cross(
    data: st.DataObject, rule: EarlyTermination, epochs: int, count: int
) -> None:
    """Whoever is stopped, in whatever order epochs come: the best at every epoch goes on."""
    names = [str(i) for i in range(count)]
    made = group(rule, {n: [f"{n}-0", f"{n}-1"] for n in names}, epochs)
    rise = data.draw(st.lists(st.integers(0, 5), min_size=epochs, max_size=epochs))
    at = {f"{n}-{seed}": 0 for n in names for seed in (0, 1)}
    stopped = set[str]()
    while going := [s for s, e in at.items() if e < epochs and s[: s.index("-")] not in stopped]:
        seed = data.draw(st.sampled_from(going))
        name = seed[: seed.index("-")]
        at[seed] += 1
        score = float(int(name) + sum(rise[: at[seed]]))
        hear(made, name, at[seed], score, seed)
        if at[seed] == epochs:
            made.end(name, seed)
        stopped |= {n for n in names if made.verdict(n) is not None}
        assert names[-1] not in stopped
