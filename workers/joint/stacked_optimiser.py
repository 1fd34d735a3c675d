"""Adam, AdamW and SGD over the rows of a stack: torch.optim's updates, for all models at once.

Each row has its own learning rate, weight decay, clipping and number of steps, and takes part in a
step or not. Nothing is exchanged between rows, so what diverges in one stays there. State goes to
and from the model's own torch.optim object, so a checkpoint of either can be taken up by the other.

Legend for shapes: K rows, P numbers in a row, S tensors in a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapter_lib.joint.stacked_parameters import StackedParameters
from adapter_lib.model import AdapterModel
from adapter_lib.transformer.batch import to_device
from workers.contract.trial import Optimiser

_BETAS = 0.9, 0.999
_EPS = 1e-8
_MOMENTUM = 0.9


@dataclass(frozen=True)
class Change:
    """What one row does in a step.

    Attributes:
        learning_rate: of this step.
        clip: the largest norm of its whole gradient, None for any.
        used: which tensors have a gradient, (S,); the others stay as if there were no step.
    """

    learning_rate: float
    clip: float | None
    used: NDArray[np.bool_]


class StackedOptimiser:
    """Updates the values of a stack from its gradients."""

    def __init__(self, stack: StackedParameters, kind: Optimiser) -> None:
        self._stack, self._kind = stack, kind
        self._adaptive = kind is not Optimiser.SGD
        names = ("exp_avg", "exp_avg_sq") if self._adaptive else ("momentum_buffer",)
        self._moments = {name: torch.zeros_like(stack.values) for name in names}
        self._steps = np.zeros((stack.rows, len(stack.starts) - 1), np.int64)
        self._own = np.zeros(self._steps.shape, bool)
        self._decay = torch.zeros_like(stack.values)
        self._decays: set[int] = set()
        tensors = np.repeat(np.arange(len(stack.starts) - 1), np.diff(stack.starts))
        self._tensor_of = torch.from_numpy(tensors).to(stack.values.device)

    @torch.no_grad()
    def put(self, row: int, model: AdapterModel, optimiser: torch.optim.Optimizer) -> None:
        """Take over a model's optimiser: its weight decay, and what it has gathered."""
        names = {id(p): name for name, p in model.named_parameters()}
        self._steps[row], self._own[row] = 0, False
        self._decay[row].zero_()
        decays = self._stack.tensors(self._decay, row, model)
        for whole in self._moments.values():
            whole[row].zero_()
        moments = {n: self._stack.tensors(m, row, model) for n, m in self._moments.items()}
        self._decays.discard(row)
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                name = names[id(parameter)]
                self._own[row, self._stack.index(name)] = True
                decays[name].fill_(group["weight_decay"])
                if group["weight_decay"]:
                    self._decays.add(row)
                state = optimiser.state.get(parameter)
                if state:
                    self._steps[row, self._stack.index(name)] = int(state.get("step", 1))
                    for kind, moment in moments.items():
                        moment[name].copy_(state[kind])

    @torch.no_grad()
    def hand_back(self, row: int, model: AdapterModel, optimiser: torch.optim.Optimizer) -> None:
        """Give a model's optimiser a copy of its state, as if it had done the steps itself."""
        moments = {n: self._stack.tensors(m, row, model) for n, m in self._moments.items()}
        parameters = dict(model.named_parameters())
        optimiser.state.clear()
        for name in next(iter(moments.values())):
            steps = int(self._steps[row, self._stack.index(name)])
            if steps:
                state: dict[str, Any] = {kind: m[name].clone() for kind, m in moments.items()}
                if self._adaptive:
                    state["step"] = torch.tensor(float(steps))
                optimiser.state[parameters[name]] = state

    @torch.no_grad()
    def step(self, changes: Mapping[int, Change]) -> None:
        """Update the rows in `changes` and drop their gradients; other rows keep theirs."""
        gradient = self._stack.gradients
        self._clip(gradient, changes)
        used = np.zeros_like(self._own)
        for row, change in changes.items():
            used[row] = change.used & self._own[row]
        self._steps += used
        rates = np.zeros((self._stack.rows, 1))
        for row, change in changes.items():
            rates[row] = change.learning_rate
        if self._adaptive:
            self._adam(gradient, used, rates)
        else:
            self._sgd(gradient, used, rates)
        if len(changes) == self._stack.rows:
            gradient.zero_()
        else:
            gradient[self._column([[row] for row in changes], torch.long)[:, 0]] = 0

    def _clip(self, gradient: Tensor, changes: Mapping[int, Change]) -> None:
        limits = np.full((self._stack.rows, 1), np.inf)
        for row, change in changes.items():
            if change.clip is not None:
                limits[row] = change.clip
        if np.isfinite(limits).any():
            norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
            gradient.mul_((self._column(limits) / (norms + 1e-6)).clamp(max=1.0))

    def _adam(self, gradient: Tensor, used: NDArray[np.bool_], rates: NDArray[Any]) -> None:
        values, (first, second) = self._stack.values, self._moments.values()
        steps = np.maximum(self._steps, 1)
        corrections = [1 - beta**steps for beta in _BETAS]
        active, size, root = self._spread(
            used, [used, used * rates / corrections[0], np.sqrt(corrections[1])]
        )
        if self._decays:
            if self._kind is Optimiser.ADAMW:
                values.mul_(1 - self._decay * (active * self._column(rates)))
            else:
                gradient = gradient + self._decay * values
        first.lerp_(gradient, (1 - _BETAS[0]) * active)
        second.lerp_(gradient.square(), (1 - _BETAS[1]) * active)
        values.addcdiv_(first * size, (second.sqrt() / root).add_(_EPS), value=-1)

    def _sgd(self, gradient: Tensor, used: NDArray[np.bool_], rates: NDArray[Any]) -> None:
        values, (momentum,) = self._stack.values, self._moments.values()
        active, rate, kept = self._spread(used, [used, used * rates, np.where(used, _MOMENTUM, 1)])
        if self._decays:
            gradient = gradient + self._decay * values
        momentum.mul_(kept).add_(gradient * active)
        values.sub_(momentum * rate)

    def _spread(
        self, used: NDArray[np.bool_], coefficients: list[NDArray[Any]]
    ) -> tuple[Tensor, ...]:
        """Return numbers per row and tensor, (K, S) each, as (K, 1) if that is enough, or (K, P).

        It is where every row uses all it has or nothing, as often for each, which is usual.
        """
        stacked = np.stack([np.broadcast_to(c, used.shape) for c in coefficients])
        columns = np.zeros((len(stacked), self._stack.rows, 1))
        alike = True
        for row in range(self._stack.rows):
            found = stacked[:, row, self._own[row]]
            if not found.size:
                columns[-1, row] = 1.0  # nothing is divided by zero in an empty row
                continue
            alike = alike and bool((found == found[:, :1]).all())
            columns[:, row] = found[:, :1]
        if alike:
            return self._column(columns).unbind()
        return self._column(stacked)[:, :, self._tensor_of].unbind()

    def _column(self, numbers: Any, dtype: torch.dtype = torch.float32) -> Tensor:
        found = torch.as_tensor(np.asarray(numbers), dtype=dtype)
        return to_device(found, self._stack.values.device)
