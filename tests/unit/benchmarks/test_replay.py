"""Replaying curves through rules: what is counted, and that ours and Ray Tune's see the same."""

import random

import pytest

from tests.benchmarks.replay import NEAR, bootstrap, play, pool_of, rules


def rising(best: float, epochs: int = 9) -> list[float]:
    return [best * (1 - 0.5**epoch) for epoch in range(1, epochs + 1)]


CURVES = [[rising(0.5 + 0.4 * ((7 * i) % 64) / 64)] for i in range(64)]


def test_everything_costs_all_and_regrets_nothing() -> None:
    played = play(CURVES, rules()["everything"](CURVES))
    assert played.cost == 1
    assert played.regret == 0


@pytest.mark.parametrize("name", [name for name in rules() if name != "everything"])
def test_where_curves_do_not_cross_no_rule_loses_the_winner(name: str) -> None:
    played = play(CURVES, rules()[name](CURVES))
    assert played.cost < 0.8
    assert played.regret <= NEAR


def test_halving_costs_no_more_than_ray_tunes() -> None:
    found = {name: play(CURVES, rule(CURVES)).cost for name, rule in rules().items()}
    for factor in (3, 4):
        ours = found[f"halving, {factor} from epoch 1"]
        assert ours <= found[f"Ray Tune's ASHA, {factor} from epoch 1"]


def test_a_sweep_is_drawn_without_repeats_and_without_what_diverged() -> None:
    recorded = {
        str(i): {"0": {"scores": [i / 10]}, "1": {"scores": [] if i == 3 else [i / 10]}}
        for i in range(5)
    } | {"wild": {"0": {"scores": []}}}
    pool = pool_of(recorded)
    assert [len(seeds) for seeds in pool] == [2, 2, 2, 1, 2]
    drawn = bootstrap(pool, size=5, draw=random.Random(1), together=False)
    assert [len(seeds) for seeds in drawn] == [1] * 5
    assert sorted(seeds[0][0] for seeds in drawn) == [0.0, 0.1, 0.2, 0.3, 0.4]
    together = bootstrap(pool, size=5, draw=random.Random(1), together=True)
    assert sorted(len(seeds) for seeds in together) == [1, 2, 2, 2, 2]


def test_a_winner_is_a_mean_over_seeds_and_regret_is_counted_on_all_of_them() -> None:
    lucky = [[0.9, 0.9], [0.2, 0.2]]
    steady = [[0.6, 0.6], [0.6, 0.6]]

    class FirstSeedOnly:
        def goes_on(self, trial: int, epoch: int, score: float) -> bool:
            return trial < 2

        def ended(self, trial: int) -> None: ...

        def hopeless(self, trial: int) -> bool:
            return False

    played = play([lucky, steady], FirstSeedOnly(), workers=1)
    assert played.cost == 6 / 8
    assert played.regret == pytest.approx(0.6 - 0.55)
    assert play([lucky, steady], rules()["everything"]([lucky, steady])).regret == 0


def test_what_its_first_seed_rules_out_has_no_other_seeds() -> None:
    pairs = [[seeds[0], seeds[0]] for seeds in CURVES]
    rule = rules()["halving, 3 from epoch 1"]
    alone, together = play(CURVES, rule(CURVES)), play(pairs, rule(pairs))
    assert together.regret <= NEAR
    assert together.cost < 0.75 * alone.cost
