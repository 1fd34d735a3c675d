"""The optimiser over a stack does torch.optim's steps, each row for itself."""

import zlib

import pytest
import torch
from transformers import BertConfig, BertModel

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind
from adapter_lib.joint.stacked_parameters import StackedParameters
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone
from workers.contract.trial import Optimiser
from workers.joint.stacked_optimiser import Change, StackedOptimiser

SETTINGS = [(0.1, 0.0, None), (0.02, 0.3, 0.5), (0.05, 0.1, 1.0)]
"""Learning rate, weight decay and clipping of three models."""


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    config = BertConfig(
        vocab_size=10,
        hidden_size=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=8,
    )
    return Backbone.from_model(BertModel(config, add_pooling_layer=False), name="tiny")


def models(backbone: Backbone) -> list[AdapterModel]:
    made = []
    for number in range(3):
        generator = torch.Generator().manual_seed(number)
        head = Head(HeadConfig(HeadKind.CLASSIFICATION, 2), hidden_size=8, generator=generator)
        config = AdapterConfig(2, drop_depth=number // 2)
        adapter = Adapter(config, layers=3, hidden_size=8, generator=generator)
        made.append(AdapterModel(backbone, head, adapter))
    return made


def optimiser(model: AdapterModel, kind: Optimiser, setting: int) -> torch.optim.Optimizer:
    rate, decay, _ = SETTINGS[setting]
    own = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in own if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in own if p.ndim < 2], "weight_decay": 0.0},
    ]
    if kind is Optimiser.SGD:
        return torch.optim.SGD(groups, lr=rate, momentum=0.9)
    return (torch.optim.AdamW if kind is Optimiser.ADAMW else torch.optim.Adam)(groups, lr=rate)


def depth_of(step: int, number: int) -> int:
    return (step * 2 + number) % 3 if number else 0


def gradient(step: int, number: int, name: str, like: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(f"{step} {number} {name}".encode()))
    return torch.randn(like.shape, generator=generator)


def own_step(
    model: AdapterModel, own: torch.optim.Optimizer, used: set[str], step: int, number: int
) -> None:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.grad = gradient(step, number, name, parameter) if name in used else None
    if (clip := SETTINGS[number][2]) is not None:
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], clip)
    for group in own.param_groups:
        group["lr"] = SETTINGS[number][0] / (step + 1)
    own.step()


def stack_step(
    stack: StackedParameters,
    together: StackedOptimiser,
    packed: list[AdapterModel],
    step: int,
    joined: list[int],
) -> None:
    changes = {}
    for number in joined:
        model, (rate, _, clip) = packed[number], SETTINGS[number]
        used = stack.used(model, depth_of(step, number))
        for name, part in stack.tensors(stack.gradients, number, model).items():
            if used[stack.index(name)]:
                part.copy_(gradient(step, number, name, part))
        changes[number] = Change(rate / (step + 1), clip, used)
    together.step(changes)


@pytest.mark.parametrize("kind", list(Optimiser))
def test_steps_are_those_of_torch(backbone: Backbone, kind: Optimiser) -> None:
    """Also where a layer is dropped in some steps, and where one waits, leaves and comes back."""
    alone, packed = models(backbone), models(backbone)
    own = [optimiser(m, kind, i) for i, m in enumerate(alone)]
    handed = [optimiser(m, kind, i) for i, m in enumerate(packed)]
    stack = StackedParameters(packed[0], rows=4)
    together = StackedOptimiser(stack, kind)
    for i, model in enumerate(packed):
        stack.put(i, model)
        together.put(i, model, handed[i])
    for step in range(8):
        joined = [0, 1] if step in (3, 4) else [0, 1, 2]
        if step == 5:  # a checkpoint, taken up again
            together.hand_back(1, packed[1], handed[1])
            state = handed[1].state_dict()
            handed[1] = optimiser(packed[1], kind, 1)
            handed[1].load_state_dict(state)
            together.put(1, packed[1], handed[1])
        for i in joined:
            used = stack.used(alone[i], depth_of(step, i))
            names = {n for n in stack.tensors(stack.values, i, alone[i]) if used[stack.index(n)]}
            own_step(alone[i], own[i], names, step, i)
        stack_step(stack, together, packed, step, joined)
    for i, model in enumerate(packed):
        together.hand_back(i, model, handed[i])
        for name, value in alone[i].trainable_state().items():
            torch.testing.assert_close(
                model.trainable_state()[name], value, rtol=1e-5, atol=1e-6, msg=f"{i} {name}"
            )
        mine, theirs = handed[i].state_dict()["state"], own[i].state_dict()["state"]
        assert mine.keys() == theirs.keys()
        for key, state in theirs.items():
            for name, value in state.items():
                torch.testing.assert_close(mine[key][name], value, rtol=1e-5, atol=1e-6)


def test_what_diverges_in_a_slot_stays_there(backbone: Backbone) -> None:
    alone, packed = models(backbone), models(backbone)
    own = optimiser(alone[1], Optimiser.ADAMW, 1)
    stack = StackedParameters(packed[0], rows=3)
    together = StackedOptimiser(stack, Optimiser.ADAMW)
    for i, model in enumerate(packed):
        stack.put(i, model)
        together.put(i, model, optimiser(model, Optimiser.ADAMW, i))
    for step in range(3):
        stack.gradients[0] = float("nan")
        stack.gradients[2] = float("inf")
        used = stack.used(alone[1], depth_of(step, 1))
        names = {n for n in stack.tensors(stack.values, 1, alone[1]) if used[stack.index(n)]}
        own_step(alone[1], own, names, step, 1)
        stack_step(stack, together, packed, step, [0, 1, 2])
        stack.values[0] = float("inf")
    for name, value in alone[1].trainable_state().items():
        torch.testing.assert_close(packed[1].trainable_state()[name], value, rtol=1e-5, atol=1e-6)
