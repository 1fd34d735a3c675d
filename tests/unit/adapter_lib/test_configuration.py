"""Configurations: every field is checked when one is made, and words become members of enums."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch

from adapter_lib.config.arrangement import USUAL, Arrangement, NormAfter, Reading, Residual
from adapter_lib.config.configuration import (
    AdapterConfig,
    FusionConfig,
    HeadConfig,
    HeadKind,
    Initialisation,
    NonLinearity,
    Placement,
    Sharing,
    bottleneck_from_reduction,
)
from adapter_lib.errors import ConfigurationError
from adapter_lib.modules.bottleneck import Adapter

HUGE = 1 << 40
WORDS: dict[type, dict[str, type]] = {
    AdapterConfig: {
        "placement": Placement,
        "non_linearity": NonLinearity,
        "sharing": Sharing,
        "initialisation": Initialisation,
    },
    Arrangement: {"reads": Reading, "residual": Residual, "norm_after": NormAfter},
    HeadConfig: {"kind": HeadKind},
}
GOOD: dict[type, dict[str, Any]] = {
    AdapterConfig: {"bottleneck_size": 4},
    FusionConfig: {},
    HeadConfig: {"kind": HeadKind.CLASSIFICATION, "labels": 3},
    Arrangement: {},
}
WRONG: dict[type, dict[str, list[Any]]] = {
    AdapterConfig: {
        "bottleneck_size": [0, -1, 4.0, "4", True, None, math.nan, HUGE, [4]],
        "placement": ["Pfeiffer", "", None, 1, Sharing.NONE],
        "non_linearity": ["silu", None, torch.relu],
        "sharing": ["all layers", None, True],
        "initialisation": ["xavier", "mam_adapter", 0],
        "drop_depth": [-1, 1.5, "1", False, None, math.inf, HUGE],
        "initial_std": [0, -0.01, math.nan, "0.01", True],
        "scaling": [math.nan, math.inf, -math.inf, 1e39, "1", None, True, 1j, 10**400],
        "dropout": [1.0, -0.1, math.nan, "0.1", None, False],
        "layer_sizes": [4, "44", (4, 0), (4, 4.0), (True, 4), {4: 4}, (4, HUGE)],
        "group_layers": [0, 2, "2", None, True],
        "trained_norm": [1, 0, "yes", None],
        "arrangement": [None, "usual", {}, {"norm_before": True}],
        "leave_out": [1, "1", (-1,), (0.0,), (False,), None, {1: 2}],
    },
    FusionConfig: {
        "value_off_diagonal": [math.nan, math.inf, "1e-6", True],
        "regularisation": [-0.01, math.nan, None, "0.01", True],
        "dropout": [1, -0.1, math.nan, None, True],
        "drop_depth": [-1, 0.0, None, True],
        "query": [1, None, "true"],
        "key": [0, None, "false"],
        "value": [1.0, None, ""],
        "query_before_norm": [0, None],
    },
    HeadConfig: {
        "kind": ["Classification", "regresion", None, Placement.PFEIFFER],
        "labels": [1, 0, -3, 3.0, "3", True, None, HUGE],
        "layers": [0, 3, 1.0, "2", True, None],
        "dropout": [1.0, -0.5, math.nan, "0", None, True],
        "use_pooler": [1, "no", None],
        "pooling": ["max", "", True, None],
    },
    Arrangement: {
        "reads": ["sum", "", 0, True],
        "residual": ["post_add", None, True],
        "norm_before": [1, None, "false"],
        "norm_after": [None, True, "before"],
        "base_norm_after": [0, None],
    },
}


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (kind, field, value)
        for kind, by_field in WRONG.items()
        for field, values in by_field.items()
        for value in values
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:20],
)
def test_a_wrong_value_is_refused_by_the_fields_name(kind: type, field: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as refused:
        kind(**GOOD[kind] | {field: value})
    assert field in str(refused.value)


def test_no_field_is_forgotten_above() -> None:
    for kind, by_field in WRONG.items():
        assert {field.name for field in fields(kind)} == set(by_field)


@pytest.mark.parametrize(
    ("kind", "field", "member"),
    [
        (kind, field, member)
        for kind, by_field in WORDS.items()
        for field, enumeration in by_field.items()
        for member in enumeration  # type: ignore[attr-defined]
    ],
    ids=str,
)
def test_a_word_is_its_member(kind: type, field: str, member: Any) -> None:
    rest = dict(GOOD[kind])
    if member is Sharing.GROUPS:
        rest["group_layers"] = 2
    if kind is HeadConfig:
        rest["labels"] = {HeadKind.REGRESSION: 1, HeadKind.SPAN: 2}.get(member, 3)
    found, expected = kind(**rest | {field: member.value}), kind(**rest | {field: member})
    assert getattr(found, field) is member
    assert (found, hash(found)) == (expected, hash(expected))


def test_words_refused_say_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match="one of none, all_layers, groups, found 'all'"):
        AdapterConfig(4, sharing="all")  # type: ignore[arg-type]


def test_a_word_computes_what_its_member_computes() -> None:
    shared = Adapter(
        AdapterConfig(4, sharing="all_layers"),  # type: ignore[arg-type]
        layers=3,
        hidden_size=16,
    )
    assert len(shared.feed_forward) == 1
    houlsby = AdapterConfig(4, placement="houlsby")  # type: ignore[arg-type]
    assert len(Adapter(houlsby, layers=3, hidden_size=16).attention) == 3


def test_numbers_of_numpy_and_lists_become_plain() -> None:
    config = AdapterConfig(
        np.int64(4),  # type: ignore[arg-type]
        drop_depth=np.uint8(1),  # type: ignore[arg-type]
        scaling=np.float64(2.0),
        dropout=np.float32(0.5),  # type: ignore[arg-type]
        layer_sizes=[np.int32(1), 2, 3],  # type: ignore[arg-type]
        trained_norm=np.bool_(True),  # type: ignore[arg-type]
        arrangement=Arrangement(norm_before=np.bool_(True)),  # type: ignore[arg-type]
    )
    expected = AdapterConfig(
        4,
        drop_depth=1,
        scaling=2.0,
        dropout=0.5,
        layer_sizes=(1, 2, 3),
        trained_norm=True,
        arrangement=Arrangement(norm_before=True),
    )
    assert config == expected
    for field in fields(AdapterConfig):
        found, wanted = getattr(config, field.name), getattr(expected, field.name)
        assert type(found) is type(wanted), field.name
    assert repr(config) == repr(expected)


@pytest.mark.parametrize(
    ("depth", "left_out", "canonical"),
    [
        (0, (), (0, ())),
        (0, (0, 1), (2, ())),
        (0, (3, 1, 1), (0, (1, 3))),
        (1, (0, 1, 2, 4), (3, (4,))),
        (2, (0,), (2, ())),
    ],
)
def test_layers_left_out_have_one_spelling(
    depth: int, left_out: tuple[int, ...], canonical: tuple[int, tuple[int, ...]]
) -> None:
    config = AdapterConfig(4, drop_depth=depth, leave_out=left_out)
    assert (config.drop_depth, config.leave_out) == canonical
    assert ("leave_out" in config.as_fields()) == bool(canonical[1])
    assert config.layers_of(6) == tuple(i for i in range(depth, 6) if i not in left_out)


def test_a_layer_left_out_must_be_one_of_the_bases() -> None:
    with pytest.raises(ConfigurationError, match=r"leave_out must be some of 0…3 .* \[2, 4\]"):
        Adapter(AdapterConfig(4, leave_out=(2, 4)), layers=4, hidden_size=16)


@pytest.mark.parametrize("factor", [0, -1, math.nan, "16", None, True, 1e-300])
def test_a_wrong_reduction_factor_is_refused(factor: Any) -> None:
    with pytest.raises(ConfigurationError, match="reduction_factor"):
        bottleneck_from_reduction(768, factor)


def test_reduction_factors_are_adapterhubs() -> None:
    assert [
        bottleneck_from_reduction(768, f) for f in (16, 1.33, 1e9, np.float32(2), math.inf)
    ] == [
        48,
        577,
        1,
        384,
        1,
    ]


def test_what_was_made_before_still_has_the_same_fields() -> None:
    """The identity of a trial is made of them."""
    assert AdapterConfig(4).as_fields() == {
        "bottleneck_size": 4,
        "placement": "pfeiffer",
        "non_linearity": "relu",
        "sharing": "none",
        "initialisation": "bert",
        "drop_depth": 0,
    }
    assert AdapterConfig(4, scaling=4, arrangement=USUAL).as_fields()["scaling"] == 4
