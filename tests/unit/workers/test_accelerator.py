"""A pass of a pack on a device that is not the CPU: it computes there, and waits for nothing."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sweeping import write_sweep

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind
from adapter_lib.joint.joint_pass import run_together
from adapter_lib.joint.part import Part
from adapter_lib.joint.row_dropout import RandomStream
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch
from adapter_lib.transformer.batch import to_device
from orchestrator.running.driver import plan_sweep
from tests.meta_device import META, MixedDevices, meta_device, packed_there, trainer_there
from tests.reference.tiny_transformers import ARCHITECTURES, HIDDEN, LAYERS, make_transformer
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.trial import Method
from workers.joint.joint_training import Pack, packable
from workers.joint.pack_memory import MemoryCount
from workers.running.bundle import run_bundle
from workers.running.one_trial import begin_training
from workers.running.warm_state import WarmState

KINDS = """\
adapter: { bottleneck_size: 6 }
training: { learning_rate: 1e-2, batch_size: 4, max_length: 16, epochs: 2, weight_decay: 0.1 }
seeds: [0, 1]
trials:
  - drop: { mode: [none, specialised, robust], depth: [1, 2] }
  - adapter: { sharing: all_layers, placement: [pfeiffer, houlsby, parallel] }
  - method: head_only
fusion:
  - targets: one
    sources: { tasks: all, where: { sharing: none, placement: pfeiffer } }
    drop: { mode: [none, robust] }
"""


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Let Python not look for cycles, which a worker does seldom."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def waiting_for_the_collector(memory: MemoryCount) -> int:
    """Return the bytes that nobody can reach and that are alive all the same."""
    before = memory.now
    gc.collect()
    return before - memory.now


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_a_pass_waits_for_nothing_and_leaves_nothing(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path, cache_gib: float
) -> None:
    tasks = [make_task(name, seed=i, train=40) for i, name in enumerate(("one", "two"))]
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, *tasks, body=KINDS))
    trials, workspace = list(plan.trials.values()), Workspace(tmp_path / "run")
    settings = FastPath(cache_gib=cache_gib, cache_folder=str(tmp_path / "cache"))
    warm = WarmState(torch.device("cpu"), settings)
    sources = {parent for trial in trials for parent in trial.parents}
    list(run_bundle([trial for trial in trials if trial.trial_id in sources], workspace, warm))
    trials = [trial for trial in trials if trial.task.name == "one" and packable(trial)]
    assert sum(trial.method is Method.FUSION for trial in trials) == 4
    begun = [begin_training(trial, workspace, warm)[0] for trial in trials]
    assert all(bool(running.prefix) == (cache_gib > 0) for running in begun)
    pack = Pack(len(trials))
    with meta_device():
        for running in begun:
            pack.join(packed_there(running))
        with MemoryCount() as memory, MixedDevices() as mixed:
            for _ in range(6):
                pack.run_pass()
    assert mixed.found == []
    assert waiting_for_the_collector(memory) < 0.01 * memory.most
    assert all(not packed.epoch_ended for packed in pack.packed_trials)


ALONE = """\
adapter: { bottleneck_size: 6 }
training: { batch_size: 4, max_length: 16, epochs: 2 }
trials:
  - drop: { mode: [none, robust] }
  - { method: [full_fine_tuning, layer_norm] }
  - { method: top_layers, layers: 1 }
"""


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_a_step_alone_computes_on_the_device_and_leaves_nothing(
    toy_base: Path, make_task: Callable[..., Path], tmp_path: Path, cache_gib: float
) -> None:
    plan, _ = plan_sweep(write_sweep(tmp_path, toy_base, make_task("one"), body=ALONE))
    settings = FastPath(cache_gib=cache_gib, cache_folder=str(tmp_path / "cache"))
    warm = WarmState(torch.device("cpu"), settings)
    for trial in plan.trials.values():
        running = begin_training(trial, Workspace(tmp_path / "run"), warm)[0]
        with meta_device():
            trainer = trainer_there(running)
            with MemoryCount() as memory, MixedDevices() as mixed:
                for micro_batch in trainer.draw_epoch()[:6]:
                    torch.autograd.backward(trainer._loss(micro_batch))
        assert waiting_for_the_collector(memory) < 0.01 * memory.most
        assert mixed.found == [], trial.label
        assert any(p.grad is not None and p.grad.device == META for p in running.model.parameters())
        warm = WarmState(torch.device("cpu"), settings)  # its base is on the meta device now


@pytest.mark.parametrize("kind", [HeadKind.CLASSIFICATION, HeadKind.TOKEN_CLASSIFICATION])
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_every_architecture_computes_on_the_device(architecture: str, kind: HeadKind) -> None:
    """Alone at several depths, and two in a pass, with dropout."""
    backbone = Backbone.from_model(make_transformer(architecture), name=architecture)
    models = [
        AdapterModel(
            backbone,
            Head(HeadConfig(kind, labels=3), hidden_size=HIDDEN),
            Adapter(AdapterConfig(4), layers=LAYERS, hidden_size=HIDDEN),
        ).to(META)
        for _ in range(2)
    ]
    lengths = np.array([9, 4, 1, 6])
    real = torch.arange(9) < torch.from_numpy(lengths)[:, None]
    ids = torch.where(real, 7, ARCHITECTURES[architecture].pad_token)
    with meta_device(), MixedDevices() as mixed:
        batch = Batch(to_device(ids, META), to_device(real.long(), META), None, lengths)
        for model in models:
            model.train_from(1, frozen_dropout=False)
        logits = models[0](batch, drop_depth=1)
        logits.sum().backward()
        parts = [Part(model, batch, RandomStream(META), i) for i, model in enumerate(models)]
        torch.stack(run_together(parts)).sum().backward()
        models[0].eval()
        with torch.inference_mode():
            models[0].at_depths(batch, range(LAYERS))
    assert mixed.found == []


def test_what_mixes_devices_is_found() -> None:
    there = torch.ones(3, 3, device=META)
    with MixedDevices() as mixed:
        there - to_device(torch.ones(3, 3), META) * torch.tensor(2.0)
        assert mixed.found == []
        there - torch.eye(3).to(there)  # a copy for which a GPU is waited for
        there[torch.tensor([0, 1])]
    assert len(mixed.found) == 2
