"""Base-model folders that are cut, garbled or not what they say end in a message, soon."""

import json
import os
import pickle
import random
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sweeping import write_sweep

from adapter_lib.errors import AdapterLibError
from orchestrator.errors import OrchestratorError
from orchestrator.running.driver import plan_sweep
from workers.contract.events import EventKind
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import FailureReason, read_failure
from workers.contract.trial import Trial
from workers.errors import WorkerError
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

SOON_S = 20.0
"""Some models are built for nothing, on a machine that may be busy."""
ROOM_BYTES = 6 << 30
HUGE = 10**9
INT_KEYS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "pad_token_id",
    "num_labels",
)
WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 2**40, HUGE, 10**30, 1.5, 1e308, "many", "", [], [3], {}, {"a": 1},
)  # fmt: skip
MODEL_TYPES = (None, 3, "", "bart", "gpt2", "albert", "no-such", "../bert", ["bert"], {"a": "bert"})
NAMES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
_NOT_THERE = ("is gone", "leads to itself", "is a folder", "is a pipe")
"""As good as gone; `tokenizer.json` says enough."""
Damage = Callable[[Path], object]


def changed(name: str, **values: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return damage


def written(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, share: float) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return damage


def in_bin(content: Any, save: Callable[[Any, Any], None] = torch.save) -> Damage:
    def damage(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        with (folder / "pytorch_model.bin").open("wb") as stream:
            save(content, stream)

    return damage


def looped(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(folder / name)

    return damage


def instead(name: str, make: Callable[[Path], object]) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return damage


def words_of_another(path: Path) -> None:
    content = json.loads(path.read_text())
    content["model"]["vocab"]["film"] = 900
    path.write_text(json.dumps(content))


class Foreign:
    """What a pickle must not build."""


DAMAGES: dict[str, Damage] = {
    **{f"{name} is gone": lambda f, n=name: (f / n).unlink() for name in NAMES},  # type: ignore[misc]
    **{f"{name} is empty": written(name, b"") for name in NAMES},
    **{f"{name} is binary": written(name, bytes(range(256)) * 8) for name in NAMES},
    **{f"{name} is a list": written(name, b"[1, 2]") for name in NAMES},
    **{f"{name} is deep": written(name, b"[" * 100_000) for name in NAMES},
    **{f"{name} is {share}": cut(name, share) for name in NAMES for share in (0.3, 0.99)},
    **{f"{name} leads to itself": looped(name) for name in NAMES},
    **{f"{name} is a folder": instead(name, Path.mkdir) for name in NAMES},
    **{f"{name} is a pipe": instead(name, os.mkfifo) for name in NAMES},
    **{f"model_type {kind}": changed("config.json", model_type=kind) for kind in MODEL_TYPES},
    "header longer than the file": written("model.safetensors", (2**40).to_bytes(8, "little")),
    "header of another kind": written(
        "model.safetensors", (20).to_bytes(8, "little") + b'{"a": {"dtype": 3}} '
    ),
    "pickle of a list": in_bin([1, 2, 3]),
    "pickle of numbers by name": in_bin({"embeddings.word_embeddings.weight": 3}),
    "pickle of a number": in_bin(3.0),
    "pickle of something foreign": in_bin(Foreign()),
    "plain pickle": in_bin({"a": 1}, pickle.dump),
    "weights of other shapes": in_bin({"embeddings.word_embeddings.weight": torch.zeros(3, 5)}),
    "no weights by these names": in_bin({"other": torch.zeros(3, 5)}),
    "a model of code": changed("config.json", model_type="own", auto_map={"AutoConfig": "mine.C"}),
    "weights named outside": changed("config.json", transformers_weights="../a.safetensors"),
    "weights named by a number": changed("config.json", transformers_weights=3),
    "another model's words": lambda folder: words_of_another(folder / "tokenizer.json"),
    "no padding": changed("tokenizer_config.json", pad_token=None),
}  # fmt: skip


def random_damages(draw: random.Random, count: int) -> Iterator[tuple[str, Damage]]:
    """Give wrong values of the configuration, and wrong bytes anywhere."""
    for number in range(count):
        if number % 2:
            values = {draw.choice(INT_KEYS): draw.choice(WRONG) for _ in range(draw.randint(1, 2))}
            yield f"{values}", changed("config.json", **values)
            continue
        name, seed = draw.choice(NAMES), draw.random()

        def garble(folder: Path, name: str = name, seed: float = seed) -> None:
            own, content = random.Random(seed), bytearray((folder / name).read_bytes())
            for _ in range(own.randint(1, 20)):
                content[own.randrange(min(len(content), 3000))] = own.randrange(256)
            (folder / name).write_bytes(content)

        yield f"{name} garbled ({number})", garble


@pytest.fixture(scope="module")
def little_room() -> Iterator[None]:
    """Bound this process's memory, so that what asks for more fails here and now."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def what_becomes(of: Path, task: Path, folder: Path) -> str:
    """Plan and run one trial; say where it ended. Whatever is not ours comes through."""
    started = time.monotonic()
    path = write_sweep(folder, of, task, body="adapter: { bottleneck_size: 2 }\n")
    try:
        (trial,) = plan_sweep(path)[0].trials.values()
    except (OrchestratorError, WorkerError, AdapterLibError) as error:
        return "refused by plan" if len(f"{error}") > 40 else f"refused without a word: {error}"
    finally:
        assert time.monotonic() - started < SOON_S
    ended = _run(trial, Workspace(folder / "workspace"))
    assert time.monotonic() - started < SOON_S
    return ended


def _run(trial: Trial, workspace: Workspace) -> str:
    trial = trial.model_copy(update={"training": trial.training.model_copy(update={"epochs": 1})})
    warm = WarmState(torch.device("cpu"), FastPath(cache_gib=0))
    *_, last = run_bundle([trial], workspace, warm)
    if last.kind is EventKind.FINISHED:
        return "finished"
    failure = read_failure(workspace.trial(trial.trial_id))
    assert failure is not None
    assert len(failure.message) > 40, failure
    return f"failed: {failure.reason}"


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_folder_is_refused_in_planning_or_by_the_worker(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path], damage: str
) -> None:
    base = shutil.copytree(toy_base, tmp_path / "base")
    DAMAGES[damage](base)
    ended = what_becomes(base, make_task("one", train=8, held_out=4), tmp_path)
    goes_without = damage.startswith("tokenizer_config.json ") and damage.endswith(_NOT_THERE)
    allowed = {"refused by plan", f"failed: {FailureReason.BAD_INPUT}"}
    assert ended in (allowed | {"finished"} if goes_without else allowed)


@pytest.mark.usefixtures("little_room")
def test_a_garbled_folder_is_refused_or_no_different(
    tmp_path: Path, toy_base: Path, make_task: Callable[..., Path]
) -> None:
    task = make_task("one", train=8, held_out=4)
    for number, (what, damage) in enumerate(random_damages(random.Random(0), 60)):
        folder = tmp_path / str(number)
        base = shutil.copytree(toy_base, folder / "base")
        damage(base)
        ended = what_becomes(base, task, folder)
        assert ended in ("finished", "refused by plan", "failed: bad_input", "failed: diverged"), (
            what,
            ended,
        )
        shutil.rmtree(folder)
