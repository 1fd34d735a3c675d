"""Run the same trials in two ways, and say by how much what they end with differs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.contract.results import TrialResult, read_failure, read_result
from workers.contract.trial import Trial
from workers.running.bundle import run_bundle
from workers.running.warm_state import WarmState

WEIGHTS = "adapter.safetensors"
LARGEST_DIFFERENCE = 1e-4
"""Of parameters and losses in float32, relative to those above 1 and absolute below."""


@dataclass(frozen=True)
class Outcome:
    """What a trial ended with.

    Attributes:
        result: None where it failed, which `failure` explains.
        parameters: of its adapter and head; none for what keeps no files.
    """

    label: str
    result: TrialResult | None
    failure: str
    parameters: Mapping[str, Tensor]

    @property
    def packed(self) -> bool:
        """Whether it was trained in one pass with another one."""
        return self.result is not None and self.result.pack_width > 1

    @property
    def losses(self) -> list[float]:
        return [epoch.train_loss for epoch in self.result.curve] if self.result else []


def run_all(
    trials: Sequence[Trial],
    folder: Path,
    device: torch.device,
    *,
    width: int,
    cache_gib: float = 0,
    gpu_share: float = 1.0,
) -> list[Outcome]:
    """Run trials in a workspace of their own, as a worker does, and return how each ended.

    Args:
        width: of packs; 1 trains one after another.
    """
    settings = FastPath(
        pack_width=width, cache_gib=cache_gib, cache_folder=str(folder / "prefixes")
    )
    workspace = Workspace(folder / "workspace")
    warm = WarmState(device, settings, gpu_share=gpu_share)
    for _ in run_bundle(trials, workspace, warm):
        pass
    return [_outcome(trial, workspace) for trial in trials]


def _outcome(trial: Trial, workspace: Workspace) -> Outcome:
    paths = workspace.trial(trial.trial_id)
    result, failure = read_result(paths), read_failure(paths)
    weights = paths.adapter / WEIGHTS
    parameters = load_file(weights) if result and weights.exists() else {}
    return Outcome(trial.label, result, failure.message if failure else "", parameters)


def differences(
    expected: Sequence[Outcome], found: Sequence[Outcome], *, bound: float = LARGEST_DIFFERENCE
) -> tuple[float, list[str]]:
    """Return the largest difference of parameters and losses, and what is wrong, by trial."""
    largest, wrong = 0.0, []
    for one, other in zip(expected, found, strict=True):
        if one.result is None or other.result is None:
            wrong.append(f"{one.label}: {one.failure or other.failure or 'no result'}")
            continue
        off = _difference(one, other)
        largest = max(largest, off)
        if not off <= bound:
            wrong.append(f"{one.label}: {off:.1e}")
        wrong += [f"{one.label}: {text}" for text in _other_scores(one.result, other.result)]
    return largest, wrong


def _difference(one: Outcome, other: Outcome) -> float:
    if one.parameters.keys() != other.parameters.keys() or len(one.losses) != len(other.losses):
        return float("inf")
    pairs = [(one.parameters[name], other.parameters[name]) for name in one.parameters]
    pairs.append((torch.tensor(one.losses), torch.tensor(other.losses)))
    return max(float(((a - b).abs() / b.abs().clamp(min=1)).max()) for a, b in pairs if a.numel())


def _other_scores(one: TrialResult, other: TrialResult) -> Iterator[str]:
    """Say which scores differ by more than one row would make."""
    for a, b in zip(one.scores, other.scores, strict=True):
        for metric, value in a.metrics.items():
            if abs(value - b.metrics[metric]) > 1 / a.rows + 1e-9:
                place = f"{metric} on {a.split} at depth {a.depth}"
                yield f"{place} {value:.4f} and {b.metrics[metric]:.4f}"
