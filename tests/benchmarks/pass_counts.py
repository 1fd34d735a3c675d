"""What a pass over several trials asks of a GPU, counted without one.

Operations that write a tensor, the bytes that they read and write, and the floating-point
operations of products, for one trial's step in packs of several widths: a GPU is busy with the
last two, and between the first it waits. Counted on torch's "meta" device, where tensors have
shapes and no numbers, with attention as one operation each way, as fused kernels do it.

    python -m tests.benchmarks.pass_counts
    python -m tests.benchmarks.pass_counts --task rte --depths 6 --cached
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils import flop_counter
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.benchmarks.harness import console, environment, environment_line, parser, show
from tests.benchmarks.packs import plan
from tests.benchmarks.steps import MODELS
from tests.benchmarks.tasks import cut_task
from tests.meta_device import META, meta_device, packed_there
from workers.contract.fast_path import FastPath
from workers.contract.paths import Workspace
from workers.joint.joint_training import Pack
from workers.running.one_trial import Running, begin_training
from workers.running.warm_state import WarmState

_ATTENTION = functional.scaled_dot_product_attention
_WRITE_NOTHING = {
    *("_reshape_alias", "_unsafe_view", "alias", "as_strided", "detach", "empty"),
    *("empty_like", "empty_strided", "expand", "lift_fresh", "new_empty", "permute"),
    *("select", "slice", "split", "split_with_sizes", "squeeze", "t"),
    *("transpose", "unbind", "unsqueeze", "view"),
}


@torch.library.custom_op("adaptersweep::attention", mutates_args=())
def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    raise NotImplementedError


@_attention.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    return q.transpose(1, 2).contiguous().transpose(1, 2)


@torch.library.custom_op("adaptersweep::attention_backward", mutates_args=())
def _attention_backward(
    gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    raise NotImplementedError


@_attention_backward.register_fake
def _(
    gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _go_back(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    return (*_attention_backward(gradient, *ctx.saved_tensors), None)


_attention.register_autograd(_go_back, setup_context=_keep)


class _FusedAttention(TorchFunctionMode):
    """On the meta device, attention is one operation."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is _ATTENTION and args[0].device == META:
            return _attention(*args, kwargs["attn_mask"])
        return func(*args, **kwargs)


class _Counter(TorchDispatchMode):
    """Attributes:
    operations: that wrote a tensor.
    traffic: bytes of their arguments and results.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations, self.traffic = 0, 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, found)) if isinstance(x, Tensor)]
        writes = func.overloadpacket.__name__ not in _WRITE_NOTHING
        if writes and any(tensor.device == META for tensor in tensors):
            self.operations += 1
            apart = {id(tensor): tensor for tensor in tensors}.values()
            self.traffic += sum(x.numel() * x.element_size() for x in apart)
        return found


def count(begun: Sequence[Running], *, passes: int) -> tuple[float, float, float]:
    """Return operations, GB and GFLOP of one trial's step in a pack of all, the mean of passes."""
    pack, counter = Pack(len(begun)), _Counter()
    attention = {
        torch.ops.adaptersweep.attention: _attention_flops,
        torch.ops.adaptersweep.attention_backward: _backward_flops,
    }
    flops = flop_counter.FlopCounterMode(display=False, custom_mapping=attention)
    with meta_device():
        for running in begun:
            pack.join(packed_there(running))
        with _FusedAttention(), counter, flops:
            for _ in range(passes):
                pack.run_pass()
        for packed in list(pack.packed_trials):
            pack.leave(packed)
    steps = passes * len(begun)
    found = counter.operations, counter.traffic / 1e9, flops.get_total_flops() / 1e9
    return found[0] / steps, found[1] / steps, found[2] / steps


def _attention_flops(q: Any, k: Any, v: Any, *_: Any, **__: Any) -> int:
    return int(flop_counter.sdpa_flop_count(q, k, v))


def _backward_flops(gradient: Any, q: Any, k: Any, v: Any, *_: Any, **__: Any) -> int:
    return int(flop_counter.sdpa_backward_flop_count(gradient, q, k, v))


def main() -> None:
    made = parser("What a pass asks of a GPU, counted without one.", name="pass_counts")
    made.add_argument("--tasks", nargs="+", default=["rte", "cola", "stsb"])
    made.add_argument("--model", default="bert12", choices=list(MODELS))
    made.add_argument("--widths", nargs="+", type=int, default=[1, 8, 32])
    made.add_argument("--depths", nargs="+", type=int, default=[0])
    made.add_argument("--cached", action="store_true", help="take the frozen part from a cache")
    made.add_argument("--passes", type=int, default=12, help="fewer than an epoch has")
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--tokens", type=int, default=128, help="of the longest row, at most")
    made.set_defaults(precision="float32")  # the meta device has no autocast
    arguments = made.parse_args()
    console.print(environment_line(environment()))
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory(prefix="pass-counts-") as temporary:
        root = Path(temporary)
        base = MODELS[arguments.model][1](root)
        for name in arguments.tasks:
            task = cut_task(name, root / "data", rows=32 * arguments.batch_size)
            trials = plan(arguments, root / name, base, task)
            gib = 8.0 if arguments.cached else 0.0
            fast_path = FastPath(cache_gib=gib, cache_folder=str(root / "cache"))
            warm = WarmState(torch.device("cpu"), fast_path)
            begun = [begin_training(trial, Workspace(root / name), warm)[0] for trial in trials]
            for width in arguments.widths:
                counted = count(begun[:width], passes=arguments.passes)
                rows.append([name, width, *counted])
    columns = ("task", "width", "operations", "GB", "GFLOP")
    show(f"One trial's step, {arguments.model}, depths {arguments.depths}", columns, rows)


if __name__ == "__main__":
    main()
