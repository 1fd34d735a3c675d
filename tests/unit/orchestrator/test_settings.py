"""Adapter, baseline and head settings of a sweep: what they expand to, and what cannot be."""

from pathlib import Path
from typing import Any

import pytest
from test_planner import TOP, TOP_LINES, of, plan_of, refused

from adapter_lib.config.arrangement import USUAL, Arrangement, Residual
from adapter_lib.config.configuration import Initialisation, Placement, Sharing
from orchestrator.errors import SpecError
from orchestrator.planning.plan import Plan
from workers.contract.trial import Method


def configurations(plan: Plan, *names: str) -> set[Any]:
    adapters = [t.adapter for t in plan.trials.values() if t.adapter]
    return {tuple(getattr(a, name) for name in names) for a in adapters}


def test_new_settings_are_axes_like_the_others(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "adapter: { bottleneck_size: 8, placement: [pfeiffer, parallel], scaling: [1, 4],\n"
        + "  dropout: [0, 0.1], trained_norm: [false, true], initialisation: mam }\n",
    )
    assert len(plan.trials) == 3 * 2 * 2 * 2 * 2
    assert plan.repeated == 0
    found = configurations(plan, "placement", "scaling", "dropout", "trained_norm")
    assert (Placement.PARALLEL, 4.0, 0.1, True) in found
    assert configurations(plan, "initialisation") == {(Initialisation.MAM,)}


def test_arrangements_are_an_axis_of_keys_and_values(tmp_path: Path) -> None:
    text = TOP + "adapter: { arrangement: [{}, { residual: normed }, { norm_before: true }] }\n"
    plan = plan_of(tmp_path, text)
    normed = Arrangement(residual=Residual.NORMED)
    assert configurations(plan, "arrangement") == {
        (USUAL,),
        (normed,),
        (Arrangement(norm_before=True),),
    }
    assert any("residual=normed" in trial.label for trial in plan.trials.values())
    assert set(plan_of(tmp_path, TOP).trials) < set(plan.trials)  # `{}` is the usual
    left = plan_of(tmp_path, text + "exclude:\n  - arrangement: [{ residual: normed }, {}]\n")
    assert configurations(left, "arrangement") == {(Arrangement(norm_before=True),)}


def test_a_fusion_joins_adapters_of_one_arrangement(tmp_path: Path) -> None:
    text = TOP + "adapter: { arrangement: [{}, { residual: normed }] }\nfusion:\n  - targets: rte\n"
    usual = plan_of(tmp_path, text)
    where = "    sources: { where: { arrangement: { residual: normed } } }\n"
    normed = plan_of(tmp_path, text + where)
    for plan, wanted in ((usual, USUAL), (normed, Arrangement(residual=Residual.NORMED))):
        (fusion,) = of(plan, Method.FUSION)
        found = {plan.trials[parent].adapter for parent in fusion.parents}
        assert {adapter.arrangement for adapter in found if adapter} == {wanted}


def test_group_layers_belong_to_groups_alone(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, TOP + "adapter: { sharing: [none, all_layers, groups], group_layers: [2, 3] }\n"
    )
    assert configurations(plan, "sharing", "group_layers") == {
        (Sharing.NONE, 1),
        (Sharing.ALL_LAYERS, 1),
        (Sharing.GROUPS, 2),
        (Sharing.GROUPS, 3),
    }


def test_one_list_of_layer_sizes_or_several(tmp_path: Path) -> None:
    one = plan_of(tmp_path, TOP + "adapter: { layer_sizes: [4, 8, 8, 16] }\n")
    assert configurations(one, "bottleneck_size", "layer_sizes") == {(16, (4, 8, 8, 16))}
    text = TOP + "adapter: { layer_sizes: [[4, 8, 8, 16], [8, 8, 8, 8]] }\n"
    two = plan_of(tmp_path, text)
    assert configurations(two, "layer_sizes") == {((4, 8, 8, 16),), ((),)}
    plain = plan_of(tmp_path, TOP + "adapter: { bottleneck_size: 8 }\n")
    assert set(plain.trials) < set(two.trials)  # equal sizes are one size


def test_a_block_replaces_whichever_size_the_top_gave(tmp_path: Path) -> None:
    text = TOP + "adapter: { layer_sizes: [4, 8, 8, 16] }\n"
    plan = plan_of(tmp_path, text + "trials:\n  - adapter: { bottleneck_size: 2 }\n")
    assert configurations(plan, "bottleneck_size", "layer_sizes") == {(2, ())}


def test_settings_at_their_defaults_name_the_old_trials(tmp_path: Path) -> None:
    plain = plan_of(tmp_path, TOP + "trials:\n  - method: [adapter, head_only]\n")
    spelt = plan_of(
        tmp_path,
        TOP
        + "adapter: { scaling: 1.0, dropout: 0, trained_norm: false }\n"
        + "head: { layers: 2, use_pooler: false, dropout: 0.1 }\n"
        + "trials:\n  - method: [adapter, head_only]\n",
    )
    assert set(plain.trials) == set(spelt.trials)


def test_conditions_know_the_new_axes(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "adapter: { sharing: [none, groups], group_layers: 2, scaling: [1, 2] }\n"
        + "head: { layers: [1, 2] }\n"
        + "exclude:\n  - { group_layers: 2, scaling: 2 }\n"
        + "  - { group_layers: null, head_layers: 1 }\n",
    )
    left = {
        (t.adapter.group_layers, t.adapter.scaling, t.head.layers)
        for t in plan.trials.values()
        if t.adapter
    }
    assert left == {(2, 1.0, 1), (2, 1.0, None), (1, 1.0, None), (1, 2.0, None)}


def test_baselines_expand_over_their_layers(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "seeds: [0, 1]\n"
        + "trials:\n  - { method: [top_layers, layer_norm, full_fine_tuning], layers: [1, 4] }\n",
    )
    assert plan.count_by_method() == {
        Method.FULL_FINE_TUNING: 6,
        Method.TOP_LAYERS: 12,
        Method.LAYER_NORM: 6,
    }
    assert {t.top_layers for t in of(plan, Method.TOP_LAYERS)} == {1, 4}
    labels = {t.label for t in plan.trials.values()}
    assert len(labels) == len(plan.trials)


def test_a_block_takes_the_layers_of_the_top(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, TOP + "layers: [1, 2]\ntrials:\n  - method: top_layers\n  - method: adapter\n"
    )
    assert plan.count_by_method() == {Method.ADAPTER: 3, Method.TOP_LAYERS: 6}


def test_heads_are_an_axis_of_trials_and_of_fusions(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        TOP
        + "head: { layers: [1, 2], use_pooler: [false, true] }\n"
        + "trials:\n  - head: { use_pooler: false }\n"
        + "fusion:\n  - { targets: rte, pruning: { keep: 1 } }\n",
    )
    assert plan.count_by_method() == {
        Method.ADAPTER: 3 * 2,
        Method.FUSION: 4,
        Method.PRUNED_FUSION: 4,
    }
    pruned = {(t.head.layers, t.head.use_pooler) for t in of(plan, Method.PRUNED_FUSION)}
    assert pruned == {(1, False), (1, True), (None, False), (None, True)}


def test_a_fusion_leaves_adapters_with_trained_norms_out(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, TOP + "adapter: { trained_norm: [false, true] }\nfusion:\n  - targets: rte\n"
    )
    (fusion,) = of(plan, Method.FUSION)
    parents = [plan.trials[p].adapter for p in fusion.parents]
    assert len(parents) == 3
    assert not any(a.trained_norm for a in parents if a)


IMPOSSIBLE = [
    pytest.param(
        "adapter: { sharing: groups }",
        "adapter.sharing",
        ["`groups` needs `group_layers`"],
        id="groups without their size",
    ),
    pytest.param(
        "trials:\n  - adapter: { group_layers: 2 }",
        "trials[0].adapter.group_layers",
        ["belongs to sharing `groups`"],
        id="group size without groups",
    ),
    pytest.param(
        "adapter: { group_layers: 2 }",
        "adapter.group_layers",
        ["belongs to sharing `groups`"],
        id="group size without groups at the top",
    ),
    pytest.param(
        "adapter: { sharing: groups, group_layers: [2, 4] }",
        "adapter.group_layers",
        ["groups of 2…3 layers for small, which has 4, found 4", "`all_layers`"],
        id="one group of all layers",
    ),
    pytest.param(
        "adapter: { layer_sizes: [4, 8] }",
        "adapter.layer_sizes",
        ["expected 4 sizes, one for each layer of small, found 2"],
        id="too few sizes of layers",
    ),
    pytest.param(
        "adapter: { layer_sizes: [4, 8, 8, 8], sharing: [none, all_layers] }",
        "adapter.layer_sizes",
        ["share parameters have one size", "sharing none, all_layers"],
        id="sizes of layers that share",
    ),
    pytest.param(
        "trials:\n  - { method: top_layers, layers: [1, 5] }",
        "trials[0].layers",
        ["expected 1…4 layers of small, found 5"],
        id="more layers than there are",
    ),
    pytest.param(
        "trials:\n  - method: top_layers",
        "trials[0].method",
        ["`top_layers` and `layers`", "belong together"],
        id="top layers without a number",
    ),
    pytest.param(
        "trials:\n  - { method: layer_norm, layers: 1 }",
        "trials[0].layers",
        ["belong together; found method layer_norm"],
        id="layers of another method",
    ),
    pytest.param(
        "layers: 2", "layers", ["which no block has; drop it"], id="layers that nothing looks at"
    ),
    pytest.param(
        "fusion:\n  - { sources: { where: { trained_norm: true } } }",
        "fusion[0].sources.where.trained_norm",
        ["over the base's own norms"],
        id="fusion of adapters with trained norms",
    ),
    pytest.param(
        "adapter: { arrangement: { reads: projection, residual: sum } }",
        "adapter.arrangement",
        ["arrangement.residual=sum is for adapters that read normed", "reads projection"],
        id="a residual of what is not read",
    ),
    pytest.param(
        "adapter: { arrangement: { reads: residual } }",
        "adapter.arrangement",
        ["placement pfeiffer never reads residual", "give placement parallel"],
        id="another placement's name",
    ),
    pytest.param(
        "adapter: { placement: houlsby, arrangement: [{}, { reads: projection }] }",
        "adapter.arrangement",
        ["what placement houlsby reads anyway; leave it out"],
        id="the placement's own reading",
    ),
    pytest.param(
        "adapter: { placement: parallel, arrangement: { norm_after: output } }",
        "adapter.arrangement",
        ["adapters behind their block", "give bottleneck"],
        id="a norm of the output of a parallel adapter",
    ),
    pytest.param(
        "adapter: { placement: parallel, trained_norm: true, "
        "arrangement: { base_norm_after: false } }",
        "adapter.arrangement",
        ["trained_norm trains the norms", "never applies"],
        id="trained norms that are not applied",
    ),
    pytest.param(
        "adapter: { arrangement: { norms_before: true } }",
        "adapter.arrangement.norms_before",
        ["did you mean `norm_before`?"],
        id="an unknown key of an arrangement",
    ),
    pytest.param(
        "fusion:\n  - { sources: { where: { arrangement: { norm_before: true } } } }",
        "fusion[0].sources.where.arrangement",
        ["one arrangement without norms of their own", "`norm_before=true`"],
        id="fusion of adapters with norms of their own",
    ),
]


@pytest.mark.parametrize(("added", "keys", "words"), IMPOSSIBLE)
def test_what_cannot_be_is_named_with_its_place(
    tmp_path: Path, added: str, keys: str, words: list[str]
) -> None:
    message = refused(tmp_path, TOP + added + "\n")
    line = TOP_LINES + 1 + added.count("\n")
    assert message.startswith(f"{tmp_path / 'sweep.yaml'}:{line}: {keys}: ")
    for word in words:
        assert word in message


def test_how_a_fusion_attends_is_an_axis(tmp_path: Path) -> None:
    text = TOP + (
        "fusion:\n  - targets: rte\n    config: { value: [true, false], regularisation: [0, 0.01], "
        "value_off_diagonal: random, dropout: 0 }\n    pruning: { keep: 1 }\n"
        "exclude: [{ fusion_value: false, regularisation: 0 }]\n"
    )
    plan = plan_of(tmp_path, text)
    fusions = of(plan, Method.FUSION)
    configs = [trial.fusion.config for trial in fusions if trial.fusion]
    assert [(c.value, c.regularisation) for c in configs] == [
        (True, 0),
        (True, 0.01),
        (False, 0.01),
    ]
    assert {(c.value_off_diagonal, c.dropout, c.key) for c in configs} == {(None, 0, True)}
    assert "no value" in fusions[-1].label
    assert "random value off diagonal" in fusions[0].label
    assert len(of(plan, Method.PRUNED_FUSION)) == 3


def test_a_fusion_that_learns_nothing_is_refused(tmp_path: Path) -> None:
    text = TOP + "fusion:\n  - config: { query: false, key: false, value: [true, false] }\n"
    with pytest.raises(SpecError, match=r"config: .*at least one of"):
        plan_of(tmp_path, text)
