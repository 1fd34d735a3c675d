"""What `measure` times: the right thing is done, as often as it says."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.backbone import Batch
from workers.contract.machine import cpu_name, this_machine
from workers.contract.measurement import (
    ROBUST,
    Action,
    Cell,
    Clock,
    Conditions,
    FusionForm,
    Group,
    MeasuredBase,
    Timing,
)
from workers.contract.trial import Method, Precision
from workers.errors import MeasuringError
from workers.running.measuring import group as measuring
from workers.running.measuring.group import measure_group
from workers.running.measuring.stopwatch import timed
from workers.running.measuring.timed_cells import TimedCells, Training

CPU = torch.device("cpu")
BASE = MeasuredBase(
    config={
        "model_type": "bert",
        "num_hidden_layers": 3,
        "hidden_size": 32,
        "num_attention_heads": 2,
        "intermediate_size": 48,
        "vocab_size": 100,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    },
    layers=3,
    hidden_size=32,
)


def conditions(**changed: object) -> Conditions:
    return Conditions.model_validate(
        {"base": BASE, "rounds": 2, "at_least_s": 0, "reduction_factor": 4, **changed}
    )


def cell(method: Method = Method.ADAPTER, action: Action = Action.TRAIN, **more: object) -> Cell:
    alike = {"method": method, "action": action, "batch_size": 4, "length": 6}
    return Cell.model_validate(alike | more)


EVERY = [
    *(cell(Method.FULL_FINE_TUNING, action) for action in Action),
    *(cell(action=action, placement=p) for action in Action for p in ("pfeiffer", "houlsby")),
    *(
        cell(Method.FUSION, action, adapters=3, form=form, drop_depth=1)
        for action in Action
        for form in FusionForm
    ),
    *(cell(drop_depth=depth) for depth in (2, ROBUST)),
    cell(drop_depth=1, stored_prefix=True),
    *(cell(action=Action.INFER, tasks=3, one_by_one=one) for one in (False, True)),
]


@pytest.mark.parametrize("precision", Precision)
def test_every_kind_of_cell_is_timed_in_each_round(precision: Precision) -> None:
    group = Group(conditions=conditions(precision=precision, rounds=3), cells=tuple(EVERY))
    found = measure_group(group)
    assert [timing.cell for timing in found] == EVERY
    for timing in found:
        for clock in Clock:
            assert len(timing.seconds(clock)) == 3
            assert min(timing.seconds(clock)) > 0


def test_the_published_form_is_the_same_function_as_the_folded_one() -> None:
    cells = TimedCells(conditions(), CPU)
    ids = torch.randint(5, 100, (3, 7))
    batch = Batch(ids, torch.ones_like(ids))
    answers, gradients = [], []
    for form in FusionForm:
        torch.manual_seed(3)
        model = cells._model(cell(Method.FUSION, adapters=3, form=form))
        assert isinstance(model.adapter, Fusion)
        for layer in model.adapter.fused.values():  # off the identity, with biases
            for parameter in layer.parameters():
                torch.nn.init.normal_(parameter, std=0.3)
        answers.append(model.eval()(batch))
        answers[-1].square().sum().backward()
        gradients.append([p.grad for p in model.adapter.fused.parameters()])
    torch.testing.assert_close(*answers)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", [Method.FULL_FINE_TUNING, Method.ADAPTER])
def test_a_step_moves_what_the_method_trains_and_nothing_that_is_shared(method: Method) -> None:
    cells = TimedCells(conditions(), CPU)
    shared = {n: p.clone() for n, p in cells._frozen.named_parameters()}
    training = Training(cells._model(cell(method)), cells._rows(4, 6), conditions(), CPU)
    before = [p.detach().clone() for p in training._parameters]
    training.step(0, [0])
    moved = [not torch.equal(b, p) for b, p in zip(before, training._parameters, strict=True)]
    assert sum(moved) >= len(moved) - 1
    adapters_and_head = 3 * 4 + 4
    assert len(before) == adapters_and_head if method is Method.ADAPTER else len(before) > 50
    assert all(torch.equal(shared[n], p) for n, p in cells._frozen.named_parameters())


def test_micro_batches_add_up_to_the_step_of_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(functional, "dropout", lambda x, *_, **__: x)
    moved = []
    for micro in (None, 1):
        setting = conditions(micro_batch_size=micro)
        cells = TimedCells(setting, CPU)
        torch.manual_seed(1)
        model = cells._model(cell())
        torch.nn.init.normal_(model.adapter.bottleneck(2).up.weight)  # type: ignore[union-attr]
        batches = cells._rows(4, 6)
        assert len(batches) == (1 if micro is None else 4)
        training = Training(model, batches, setting, CPU)
        training.step(0, range(len(batches)))
        moved.append([p.grad for p in training._parameters])
    for one, other in zip(*moved, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_a_stored_prefix_begins_where_the_step_would_have_come() -> None:
    cells = TimedCells(conditions(), CPU)
    model = cells._model(cell())
    training = Training(model, cells._rows(4, 6), conditions(), CPU)
    training.store_prefix(2)
    batch = cells._rows(4, 6)[0][0]
    with torch.no_grad():
        whole = model.eval()(batch, drop_depth=2)
        taken_up = model(batch, drop_depth=2, start=training._starts[0])
    torch.testing.assert_close(taken_up, whole)
    training.step(2, [0])


def test_a_robust_cell_is_the_mean_over_all_depths(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(Training, "step", lambda self, depth, numbers: seen.append(depth))
    monkeypatch.setattr(measuring, "timed", lambda work, *_, **__: (work(), (6.0, 3.0))[1])
    setting = conditions(rounds=1)
    (found,) = measure_group(Group(conditions=setting, cells=(cell(drop_depth=ROBUST),)))
    assert seen == [0, 0, 1, 2]  # the first warms up
    assert found == Timing(cell=found.cell, wall_s=(2.0,), cpu_s=(1.0,))


def test_what_is_short_is_repeated_and_its_mean_returned() -> None:
    calls: list[int] = []
    wall, cpu = timed(lambda: calls.append(1), CPU, at_least_s=0.01)
    assert len(calls) > 10
    assert wall * len(calls) >= 0.01
    assert cpu <= wall * 2


def test_too_little_memory_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate more")

    monkeypatch.setattr(TimedCells, "prepare", full)
    with pytest.raises(MeasuringError, match=r"1 models and a batch of 24 tokens.*micro_batch"):
        measure_group(Group(conditions=conditions(), cells=(cell(),)))


def test_threads_are_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    measure_group(Group(conditions=conditions(threads=before + 1, rounds=1), cells=(cell(),)))
    assert torch.get_num_threads() == before


def test_a_machine_has_a_name(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nmodel name\t: A Processor\nmodel name : other\n")
    assert cpu_name(cpuinfo) == "A Processor"
    assert cpu_name(tmp_path / "none")
    assert this_machine().torch == torch.__version__
    assert this_machine().device == this_machine().cpu
    assert this_machine("A GPU").device == "A GPU"


def test_a_group_is_known_by_its_content() -> None:
    group = Group(conditions=conditions(), cells=(cell(),))
    assert group.content == Group.model_validate_json(group.model_dump_json()).content
    assert group.content != Group(conditions=conditions(), cells=(cell(drop_depth=1),)).content
    assert group.content != Group(conditions=conditions(seed=1), cells=(cell(),)).content
