"""What zips, points, draws and conditional axes come to, and what is said when they are wrong."""

import itertools
import math
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import SpecError
from orchestrator.planning.plan import Plan
from orchestrator.running.driver import plan_sweep
from orchestrator.spec.draws import share
from workers.contract.trial import DropMode, Method

HEAD = """\
name: example
base_models:
  small: { source: "hub:a/b", revision: "0000000000000000000000000000000000000000", layers: 4,
           hidden_size: 64 }
tasks:
  rte: { hub: glue/rte }
  mrpc: { hub: glue/mrpc }
"""
FIRST_LINE = HEAD.count("\n") + 1
"""Where the text that a test adds below `HEAD` begins."""


def planned(folder: Path, text: str) -> Plan:
    path = folder / "sweep.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return plan_sweep(path)[0]


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        planned(folder, text)
    return str(caught.value)


def rates_and_sizes(plan: Plan) -> list[tuple[float, int]]:
    return [
        (t.training.learning_rate, t.adapter.bottleneck_size)
        for t in plan.trials.values()
        if t.adapter and t.task.name == "rte"
    ]


def test_axes_of_a_zip_move_together_and_are_multiplied_with_the_grid(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "trials:\n"
        "  - seeds: [0, 1]\n"
        "    zip:\n"
        "      adapter: { bottleneck_size: [4, 8, 16] }\n"
        "      training: { learning_rate: [1e-2, 1e-3, 1e-4] }\n",
    )
    assert len(plan.trials) == 3 * 2 * 2
    pairs = Counter(rates_and_sizes(plan))
    assert pairs == {(1e-2, 4): 2, (1e-3, 8): 2, (1e-4, 16): 2}


def test_two_zips_are_multiplied(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "trials:\n"
        "  - zip:\n"
        "      - { tasks: [rte, mrpc], training: { epochs: [3, 5] } }\n"
        "      - adapter: { bottleneck_size: [4, 8], scaling: [1, 4] }\n",
    )
    found = {
        (t.task.name, t.training.epochs, t.adapter.bottleneck_size, t.adapter.scaling)
        for t in plan.trials.values()
        if t.adapter
    }
    assert found == {("rte", 3, 4, 1), ("rte", 3, 8, 4), ("mrpc", 5, 4, 1), ("mrpc", 5, 8, 4)}


def test_a_point_overrides_its_block_key_by_key_and_may_be_a_grid(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "adapter: { reduction_factor: 2 }\n"
        "trials:\n"
        "  - tasks: rte\n"
        "    adapter: { bottleneck_size: 4, scaling: 2 }\n"
        "    points:\n"
        "      - {}\n"
        "      - adapter: { reduction_factor: 8 }\n"
        "        training: { learning_rate: [1e-3, 1e-2] }\n"
        "      - { method: head_only, seeds: 5, adapter: {} }\n"
        "      - drop: { mode: specialised, depth: [1, 2] }\n",
    )
    trials = list(plan.trials.values())
    sizes = [(t.adapter.bottleneck_size, t.adapter.scaling) for t in trials if t.adapter]
    assert sizes == [(4, 2), (8, 2), (8, 2), (4, 2), (4, 2)]
    assert [t.drop.depth for t in trials] == [0, 0, 0, 0, 1, 2]
    assert [t.seed for t in trials if t.method is Method.HEAD_ONLY] == [5]


def test_draws_are_configurations_that_have_all_tasks_and_seeds(tmp_path: Path) -> None:
    text = (
        "seeds: [0, 1, 2]\n"
        "trials:\n"
        "  - sample:\n"
        "      count: {}\n"
        "      seed: {}\n"
        "      method: {{ choice: [adapter] }}\n"
        "      adapter: {{ bottleneck_size: {{ choice: [4, 8, 16] }},\n"
        "                 dropout: {{ uniform: [0, 0.5] }} }}\n"
        "      training: {{ learning_rate: {{ log_uniform: [1e-5, 1e-2] }},\n"
        "                  epochs: {{ integers: [1, 3] }} {} }}\n"
    )
    plan = planned(tmp_path, text.format(40, 7, ""))
    assert len(plan.trials) == 40 * 2 * 3
    of_one = [t for t in plan.trials.values() if (t.seed, t.task.name) == (0, "rte")]
    assert {t.adapter.bottleneck_size for t in of_one if t.adapter} == {4, 8, 16}
    assert {t.training.epochs for t in of_one} == {1, 2, 3}
    rates = [t.training.learning_rate for t in of_one]
    assert len(set(rates)) == 40
    assert min(rates) >= 1e-5
    assert max(rates) <= 1e-2
    assert 10 <= sum(rate < math.sqrt(1e-5 * 1e-2) for rate in rates) <= 30  # even in the logarithm
    assert planned(tmp_path, text.format(40, 7, "")).trials.keys() == plan.trials.keys()
    assert planned(tmp_path, text.format(41, 7, "")).trials.keys() > plan.trials.keys()
    assert planned(tmp_path, text.format(40, 8, "")).trials.keys().isdisjoint(plan.trials)
    more = ", batch_size: { choice: [8, 16] }"
    again = planned(tmp_path, text.format(40, 7, more)).trials.values()
    assert {t.training.learning_rate for t in again} == set(rates)  # an axis more moves none


def test_draws_are_the_same_on_every_machine(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "trials:\n  - tasks: rte\n    sample: { count: 3, seed: 1, training: {\n"
        "      learning_rate: { log_uniform: [1e-5, 1e-2] }, epochs: { integers: [1, 1000] },\n"
        "      warmup_fraction: { uniform: [0, 0.5] } } }\n",
    )
    found = [
        (t.training.learning_rate, t.training.epochs, t.training.warmup_fraction)
        for t in plan.trials.values()
    ]
    assert found == DRAWN


DRAWN = [(0.008214, 761, 0.1236), (0.0009741, 189, 0.216), (0.002578, 851, 0.4324)]
"""Computed by another formula; other draws would be other trials."""


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**6))
def test_a_share_is_a_share(seed: int, number: int) -> None:
    assert 0 <= share(seed, "training.epochs", number) < 1


def test_conditional_axes(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "trials:\n"
        "  - method: [adapter, full_fine_tuning, top_layers]\n"
        "    training: { learning_rate: 1e-3 }\n"
        "    when:\n"
        "      - where: { method: full_fine_tuning }\n"
        "        training: { learning_rate: [1e-5, 2e-5] }\n"
        "      - where: { method: top_layers }\n"
        "        layers: [1, 2]\n"
        "      - where: { task: mrpc }\n"
        "        seeds: [0, 1]\n"
        "      - where: { task: mrpc, learning_rate: 1e-5 }\n"
        "        training: { epochs: 7 }\n",
    )
    found = sorted(
        (t.method.value, t.task.name, t.training.learning_rate, t.top_layers, t.training.epochs)
        for t in plan.trials.values()
        if t.seed == 0
    )
    assert found == [
        ("adapter", "mrpc", 1e-3, None, 10),
        ("adapter", "rte", 1e-3, None, 10),
        ("full_fine_tuning", "mrpc", 1e-5, None, 7),
        ("full_fine_tuning", "mrpc", 2e-5, None, 10),
        ("full_fine_tuning", "rte", 1e-5, None, 10),
        ("full_fine_tuning", "rte", 2e-5, None, 10),
        ("top_layers", "mrpc", 1e-3, 1, 10),
        ("top_layers", "mrpc", 1e-3, 2, 10),
        ("top_layers", "rte", 1e-3, 1, 10),
        ("top_layers", "rte", 1e-3, 2, 10),
    ]
    assert {t.task.name for t in plan.trials.values() if t.seed == 1} == {"mrpc"}
    assert plan.repeated == 0


def test_fusions_are_asked_for_in_the_same_ways(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "trials:\n  - adapter: { bottleneck_size: [4, 8] }\n"
        "fusion:\n"
        "  - zip: { targets: [rte, mrpc], training: { epochs: [3, 5] } }\n"
        "    sources: { where: { bottleneck_size: 4 } }\n"
        "    when:\n"
        "      - where: { task: mrpc }\n"
        "        pruning: { keep: 1 }\n"
        "  - points:\n"
        "      - { targets: rte, config: { value: false } }\n"
        "      - sources: { where: { bottleneck_size: 8 } }\n"
        "        config: { regularisation: [0, 1] }\n"
        "  - targets: rte\n"
        "    sample: { count: 2, config: { dropout: { uniform: [0.2, 0.4] } } }\n",
    )
    fusions = [t for t in plan.trials.values() if t.fusion]
    assert [(t.task.name, t.training.epochs) for t in fusions[:2]] == [("rte", 3), ("mrpc", 5)]
    assert len(fusions) == 2 + (1 + 2 * 2) + 2
    assert [t.task.name for t in plan.trials.values() if t.pruning] == ["mrpc"]
    parents = {p for t in fusions[3:7] for p in t.parents}
    assert {plan.trials[p].adapter.bottleneck_size for p in parents} == {8}  # type: ignore[union-attr]
    assert {str(plan.origins[t.trial_id]) for t in fusions[7:]} == {
        "fusion[2] · draw 1 of 2",
        "fusion[2] · draw 2 of 2",
    }


SOME = st.lists(st.sampled_from([1e-5, 1e-4, 1e-3, 0.01]), min_size=1, max_size=3, unique=True)
SIZES = st.lists(st.sampled_from([2, 4, 8, 16]), min_size=1, max_size=3, unique=True)
MODES = st.lists(st.sampled_from(["none", "robust"]), min_size=1, max_size=2, unique=True)


@settings(max_examples=25, deadline=None)
@given(SOME, SIZES, MODES)
def test_one_product_written_in_any_way_is_the_same_trials(
    rates: list[float], sizes: list[int], modes: list[str]
) -> None:
    def block(rate: Any, size: Any, mode: Any) -> dict[str, Any]:
        adapter, training = {"bottleneck_size": size}, {"learning_rate": rate}
        return {"adapter": adapter, "training": training, "drop": {"mode": mode}}

    rows = list(itertools.product(rates, sizes, modes))
    columns = [list(column) for column in zip(*rows, strict=True)]
    by_size = [
        {"where": {"bottleneck_size": size}, "training": {"learning_rate": rates}} for size in sizes
    ]
    whole = block(rates, sizes, modes)
    ways: dict[str, Any] = {
        "grid": [whole],
        "blocks": [block(*row) for row in rows],
        "points": [{"points": [block(*row) for row in rows]}],
        "points over a grid": [whole | {"points": [{"drop": {"mode": mode}} for mode in modes]}],
        "one zip": [{"zip": block(*columns)}],
        "zips of one axis": [{"zip": [{key: whole[key]} for key in whole]}],
        "when": [block(0.5, sizes, modes) | {"when": by_size}],
        "all": [
            {"zip": {"adapter": whole["adapter"]}, "points": [{"drop": {"mode": modes}}]}
            | {"when": [{"where": {"method": "adapter"}, "training": whole["training"]}]}
        ],
    }
    expected: set[str] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for way, trials in ways.items():
            plan = planned(Path(folder), yaml.safe_dump({"trials": trials}))
            expected = expected or set(plan.trials)
            assert set(plan.trials) == expected, way
            assert plan.repeated == 0, way
        assert expected is not None
        assert len(expected) == len(rows) * 2


def test_every_trial_says_where_it_comes_from(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "trials:\n"
        "  - tasks: rte\n"
        "  - tasks: rte\n"
        "    zip: { adapter: { bottleneck_size: [2, 8] } }\n"
        "    points:\n"
        "      - training: { epochs: 1 }\n"
        "      - training: { epochs: 2 }\n"
        "    when:\n"
        "      - where: { bottleneck_size: 8, epochs: 2 }\n"
        "        training: { learning_rate: 1e-2 }\n",
    )
    assert plan.origins.keys() == plan.trials.keys()
    origins = [plan.origins[i] for i in plan.trials]
    assert [str(origin) for origin in origins] == [
        "trials[0]",
        "trials[1] · zip row 1 of 2 · points[0]",
        "trials[1] · zip row 1 of 2 · points[1]",
        "trials[1] · zip row 2 of 2 · points[0]",
        "trials[1] · zip row 2 of 2 · points[1] · when[0]",
    ]
    lines = [origin.line - FIRST_LINE for origin in origins]
    assert lines == [1, 5, 6, 5, 8]
    assert {origin.file for origin in origins} == {str(tmp_path / "sweep.yaml")}


TRIALS = "trials:\n  - "
"""Two lines: what follows is on the second, FIRST_LINE + 1."""

REFUSED = {
    "zip: { adapter: { bottleneck_size: [4, 8] }, training: { epochs: [1, 2, 3] } }": (
        "1: trials[0].zip.training.epochs: expected 2 values as `adapter.bottleneck_size` has"
    ),
    "zip: { drop: { mode: [specialised], depth: all } }": (
        "1: trials[0].zip.drop.depth: expected a list, a value for each row"
    ),
    "zip: {}": "1: trials[0].zip: expected axes that move together",
    "zip: []": "1: trials[0].zip: expected at least one value",
    "zip: { training: { epoch: [1] } }": (
        "1: trials[0].zip.training.epoch: unknown key; did you mean `epochs`?"
    ),
    "{ training: { epochs: 3 }, zip: { training: { epochs: [1, 2] } } }": (
        "1: trials[0].zip.training.epochs: `training.epochs` is given by the block itself too"
    ),
    "{ adapter: { reduction_factor: 2 }, zip: { adapter: { bottleneck_size: [1, 2] } } }": (
        "`adapter.bottleneck_size` is given by the block itself too"
    ),
    "{ zip: { seeds: [1, 2] }, points: [{ seeds: 3 }] }": (
        "1: trials[0].points[0].seeds: `seeds` is given by `zip` too; give it once"
    ),
    "{ zip: { training: { epochs: [1] } }, sample: { count: 1,\n"
    "    training: { epochs: { integers: [1, 9] } } } }": (
        "2: trials[0].sample.training.epochs: `training.epochs` is given by `zip` too"
    ),
    "points: []": "1: trials[0].points: expected at least one value",
    "points: [{ training: { epochs: 0 } }]": (
        "1: trials[0].points[0].training.epochs: expected 1 or more, found `0`"
    ),
    "points: [{}, { drop: { mode: specialised, depth: 9 } }]": (
        "1: trials[0].points[1].drop.depth: expected a drop depth of 0…3 for small"
    ),
    "{ method: head_only, points: [{ adapter: { scaling: 2 } }] }": (
        "1: trials[0].points[0].adapter: a block of method head_only has no adapter"
    ),
    "sample: { training: { epochs: { integers: [1, 9] } } }": (
        "1: trials[0].sample: the key `count` is missing: add it"
    ),
    "sample: { count: 3 }": "1: trials[0].sample: expected axes to draw",
    "sample: { count: 0, training: { epochs: { integers: [1, 9] } } }": (
        "1: trials[0].sample.count: expected 1 or more, found `0`"
    ),
    "sample: { count: 1, training: { epochs: [1, 9] } }": (
        "1: trials[0].sample.training.epochs: expected keys and values"
    ),
    "sample: { count: 1, training: { epochs: { integer: [1, 9] } } }": (
        "1: trials[0].sample.training.epochs.integer: unknown key; did you mean `integers`?"
    ),
    "sample: { count: 1, training: { epochs: {} } }": (
        "1: trials[0].sample.training.epochs: expected one of uniform, log_uniform, integers, "
    ),
    "sample: { count: 1, training: { epochs: { integers: [1, 2], choice: [3] } } }": (
        "found integers and choice"
    ),
    "sample: { count: 1, training: { epochs: { integers: [9, 1] } } }": (
        "1: trials[0].sample.training.epochs.integers: expected two numbers, the smaller one first"
    ),
    "sample: { count: 1, training: { epochs: { integers: [1, 2, 3] } } }": (
        "1: trials[0].sample.training.epochs.integers: expected two numbers"
    ),
    "sample: { count: 1, training: { learning_rate: { log_uniform: [0, 1] } } }": (
        "1: trials[0].sample.training.learning_rate.log_uniform[0]: expected more than 0"
    ),
    "sample: { count: 1, adapter: { dropout: { uniform: [0, 2] } } }": (
        "1: trials[0].sample.adapter.dropout: expected less than 1 among what `uniform` may draw, "
        "found `2.0`"
    ),
    "sample: { count: 5, training: { epochs: { uniform: [1, 9] } } }": (
        "1: trials[0].sample.training.epochs: expected a whole number among what `uniform` may"
    ),
    "sample: { count: 1, drop: { mode: { choice: [robust, sometimes] } } }": (
        "1: trials[0].sample.drop.mode: expected 'none', 'specialised' or 'robust' among what "
        "`choice` may draw, found `sometimes`"
    ),
    "sample: { count: 1, seeds: { choice: [1] } }": "1: trials[0].sample.seeds: unknown key",
    "when: []": "1: trials[0].when: expected at least one value",
    "when: [{ training: { epochs: 1 } }]": "1: trials[0].when[0]: the key `where` is missing",
    "when: [{ where: { task: rte } }]": "1: trials[0].when[0]: expected axes beside `where`",
    "when: [{ where: {}, seeds: 1 }]": "1: trials[0].when[0]: expected a condition",
    "when: [{ where: { task: nli }, seeds: 1 }]": (
        "1: trials[0].when[0].where.task: expected one of rte, mrpc, found `nli`"
    ),
    "when: [{ where: { bottleneck_size: 5 }, seeds: 1 }]": (
        "1: trials[0].when[0].where: no trial of this block meets bottleneck_size: 5"
    ),
    "when: [{ where: { task: rte }, method: head_only }]": (
        "1: trials[0].when[0].method: unknown key"
    ),
    "when: [{ where: { epochs: 10 }, training: { epochs: 3 } }]": (
        "1: trials[0].when[0].training.epochs: expected an axis that no `where` up to here looks "
        "at, found epochs"
    ),
    "when: [{ where: { drop_mode: none }, drop: { depth: 1 } }]": (
        "1: trials[0].when[0].drop.depth: expected an axis that no `where` up to here looks at"
    ),
    "when: [{ where: { epochs: 10 }, seeds: 1 },\n"
    "    { where: { seed: 1 }, training: { epochs: 3 } }]": (
        "2: trials[0].when[1].training.epochs: expected an axis that no `where` up to here looks"
    ),
    "when: [{ where: { method: head_only }, adapter: { scaling: 2 } }]": (
        "1: trials[0].when[0].adapter.scaling: a trial of method head_only has no adapter"
    ),
    "{ method: [adapter, top_layers], when: [{ where: { task: rte }, layers: 1 }] }": (
        "method `top_layers` and `layers`, how many of the highest are trained, belong together"
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    found = refused(tmp_path, TRIALS + text + "\n")
    line, _, words = message.partition(": ")
    if line.isdigit():
        assert f"sweep.yaml:{FIRST_LINE + int(line)}: {words}" in found
    else:
        assert message in found


def test_a_size_that_nobody_can_mean_is_refused_soon(tmp_path: Path) -> None:
    started = time.monotonic()
    draw = "training: { learning_rate: { log_uniform: [1e-5, 1e-2] } } }\n"
    found = refused(tmp_path, f"{TRIALS}sample: {{ count: 1000000000, {draw}")
    assert "found 1,000,000,000 up to this block" in found
    zips = ", ".join(f"{{ training: {{ {key}: {list(range(8, 207))} }} }}" for key in KEYS)
    assert "found 62,103,840,598,801 up to" in refused(tmp_path, f"{TRIALS}zip: [{zips}]\n")
    blocks = "".join(f"  - sample: {{ count: 9000, {draw}" for _ in range(3))
    assert "found 27,000 up to this block" in refused(tmp_path, f"trials:\n{blocks}")
    clauses = "".join(
        f"      - where: {{ bottleneck_size: {n % 3 + 1}, scaling: {n % 2 + 1} }}\n"
        f"        training: {{ epochs: {n} }}\n"
        for n in range(1, 40)
    )
    block = "adapter: { bottleneck_size: [1, 2, 3], scaling: [1, 2] }\n    when:\n"
    assert "expected at most 20,000 rows, points and draws" in refused(
        tmp_path, TRIALS + block + clauses
    )
    assert time.monotonic() - started < SOON_S


KEYS = ("epochs", "batch_size", "accumulate", "max_length", "patience", "learning_rate")
SOON_S = 60.0
"""Of a machine that does other things; alone it is 4 seconds."""


def test_what_stands_at_the_top_may_be_for_a_point_alone(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "drop: { depth: [1, 2] }\n"
        "layers: 1\n"
        "trials:\n"
        "  - { tasks: rte, points: [{ drop: { mode: specialised } }, { method: head_only }] }\n"
        "  - { tasks: rte, sample: { count: 1, method: { choice: [top_layers] } } }\n",
    )
    assert [t.method.value for t in plan.trials.values()] == [
        "adapter",
        "adapter",
        "head_only",
        "top_layers",
    ]
    assert {t.drop.mode for t in plan.trials.values()} == {DropMode.SPECIALISED, DropMode.NONE}
