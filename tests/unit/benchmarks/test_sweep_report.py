"""Scores are compared configuration by configuration, whatever the order of trials."""

from typing import Any

from tests.benchmarks.sweep import turns
from tests.benchmarks.sweep_report import difference, summary


def trials(*scores: float) -> list[dict[str, Any]]:
    """Return trials of depths 0, 1, … for seed 0, then for seed 1."""
    half = len(scores) // 2
    return [
        {"depth": i % half, "seed": i // half, "scores": {"validation": score}}
        for i, score in enumerate(scores)
    ]


def test_a_mean_comes_with_its_seeds() -> None:
    assert summary(trials(0.5, 0.7, 0.6, 0.8)) == "0.6500 (0.6000–0.7000)"


def test_differences_are_of_the_same_depth_and_seed() -> None:
    own, base = trials(0.5, 0.7, 0.6, 0.8), trials(0.4, 0.6, 0.5, 0.5)
    assert difference(own, base[::-1]) == "+0.1500 ± 0.0500"  # 0.1, 0.1, 0.1, 0.3
    assert difference(own, []) is None


def test_every_group_begins_with_another_side() -> None:
    assert list(turns(["a", "b"], ["x", "y"])) == [("a", "x"), ("a", "y"), ("b", "y"), ("b", "x")]
