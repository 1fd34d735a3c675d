"""Pin what a sweep names: base models to their weights, tasks to their rows."""

import subprocess
from pathlib import Path

from orchestrator.planning.planner import Pinned
from orchestrator.spec.model import SweepSpec, TaskSpec
from orchestrator.spec.source import SpecSource
from workers.bases.base_models import pin_base_model
from workers.contract.task_card import (
    BuiltinSource,
    FolderSource,
    HubSource,
    Split,
    TaskRef,
    TaskSource,
)
from workers.contract.trial import BaseModelRef, Precision
from workers.errors import WorkerError
from workers.tasks.hub import GLUE_REVISION, glue_source
from workers.tasks.load import resolve_task

_FIRST_WITH_BFLOAT16 = 8.0  # compute capability: Ampere


def pin(spec: SweepSpec, source: SpecSource) -> Pinned:
    """Pin every base model and task that the specification declares.

    Paths are relative to the YAML's folder.

    Raises:
        SpecError: one of them cannot be found or is not what it should be, with its line.
    """
    root = source.path.resolve().parent
    bases: dict[str, BaseModelRef] = {}
    for name, base in spec.base_models.items():
        try:
            bases[name] = pin_base_model(name, **base.model_dump(), relative_to=root)
        except (WorkerError, OSError) as error:
            raise source.error(("base_models", name), _why(error)) from error
    tasks: dict[str, TaskRef] = {}
    for name, task in spec.tasks.items():
        try:
            tasks[name] = resolve_task(
                name,
                _task_source(task),
                columns=task.columns,
                metric=task.metric,
                limits=task.rows,
                validation_fraction=task.validation_fraction,
                folder_root=root,
            )
        except (WorkerError, OSError) as error:
            raise source.error(("tasks", name), _why(error)) from error
    return Pinned(bases, tasks, auto_precision(gpus=spec.resources.gpus))


def _why(error: Exception) -> str:
    """Return what is wrong; files that cannot be read were not foreseen by whoever reads them."""
    if isinstance(error, OSError):
        return f"cannot be read: {error}; correct the path or its permissions"
    return str(error)


def auto_precision(*, gpus: float, cpuinfo: Path = Path("/proc/cpuinfo")) -> Precision:
    """Choose what `precision: auto` means: bfloat16 where the hardware computes in it.

    That is assumed of GPUs, unless `nvidia-smi` knows that all of this machine's are from before
    Ampere, and read from this machine's processor otherwise (`avx512_bf16` or `amx_bf16`). It is
    fixed when planning, since a trial's identity must say how it was computed; a cluster should
    therefore have processors like the submitting machine's.
    """
    if gpus:
        newest = newest_gpu()
        old = newest is not None and newest < _FIRST_WITH_BFLOAT16
        return Precision.FLOAT32 if old else Precision.BFLOAT16
    try:
        flags = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return Precision.FLOAT32
    able = "avx512_bf16" in flags or "amx_bf16" in flags
    return Precision.BFLOAT16 if able else Precision.FLOAT32


def newest_gpu() -> float | None:
    """Return the highest compute capability of this machine's GPUs; None where none is known."""
    command = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return max(map(float, found.stdout.split()))
    except (OSError, subprocess.SubprocessError, ValueError):  # no driver, or nothing it knows
        return None


def _task_source(task: TaskSpec) -> TaskSource:
    if task.folder is not None:
        return FolderSource(path=task.folder)
    if task.builtin is not None:
        return BuiltinSource(name=task.builtin)
    assert task.hub is not None
    glue, _, name = task.hub.partition("/")
    if glue == "glue":
        return glue_source(name, revision=task.revision or GLUE_REVISION)
    usual = {Split.TRAIN: "train", Split.VALIDATION: "validation"}
    return HubSource(
        dataset=task.hub,
        config=task.config,
        revision=task.revision or "main",
        splits=task.splits or usual,
    )
