import pytest

from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.pruning import most_attended

STATISTICS = {0: {"a": 0.2, "b": 0.5, "c": 0.3}, 3: {"b": 0.25, "a": 0.5, "c": 0.25}, 4: {"c": 1.0}}


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (1, {0: ["b"], 3: ["a"], 4: ["c"]}),
        (2, {0: ["b", "c"], 3: ["a", "b"], 4: ["c"]}),
        (9, {0: ["b", "c", "a"], 3: ["a", "b", "c"], 4: ["c"]}),
    ],
)
def test_the_highest_means_stay_in_each_layer(keep: int, expected: dict[int, list[str]]) -> None:
    assert most_attended(STATISTICS, keep) == expected


def test_keeping_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1, found 0"):
        most_attended(STATISTICS, 0)
