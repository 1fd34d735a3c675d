"""A fusion of several adapters against the fully fine-tuned model, in training and in use.

One training step (forward, backward, clipping, fused AdamW) and one inference pass over the same
batch of a randomly initialised BERT: fully fine-tuned, with a fusion of N Pfeiffer adapters of
reduction factor 16 in every layer, and with AdapterHub's. One thread, float32, dropout on in
training; the sides take turns. Speeds are relative to the fully fine-tuned model: above 1 is
faster.

    python -m tests.benchmarks.fusion
    python -m tests.benchmarks.fusion --sources 8 --rows 32 --tokens 10 --no-peer
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from transformers import BertConfig, BertModel

from adapter_lib.config.configuration import AdapterConfig, FusionConfig, HeadConfig, HeadKind
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.heads import Head
from adapter_lib.transformer.backbone import Backbone, Batch
from tests.benchmarks.harness import (
    ONE_THREAD,
    Ledger,
    alternate,
    check_peer,
    console,
    environment,
    environment_line,
    parser,
    ratios,
    show,
    spread,
)
from tests.benchmarks.serving import Server

PAPER = {2: (0.92, 0.64), 8: (0.53, 0.38), 16: (0.33, 0.24)}
"""Number of adapters → speed relative to full fine-tuning, in training and in inference, as
AdapterDrop reports it of the published form (Rücklé et al. 2021, table 3)."""

FULL = "full fine-tuning"
ACTIONS = ("train", "infer")


class Steps:
    """One of our models with its optimiser, and one batch for it."""

    def __init__(self, settings: dict[str, Any], *, sources: int | None) -> None:
        """Build a fusion of that many sources, or for None the model that trains every weight."""
        torch.manual_seed(0)
        config = BertConfig(**settings["base"])
        backbone = Backbone.from_model(
            BertModel(config, add_pooling_layer=False), name="random", weights_sha256="random"
        )
        layers, hidden_size = backbone.layers_count, backbone.hidden_size
        fusion = None
        if sources is None:
            backbone.unfreeze()
        else:
            size = AdapterConfig(hidden_size // 16)
            adapters = {
                f"source{i}": Adapter(size, layers=layers, hidden_size=hidden_size)
                for i in range(sources)
            }
            fusion = Fusion(FusionConfig(), adapters, layers=layers, hidden_size=hidden_size)
        head = Head(HeadConfig(HeadKind.CLASSIFICATION, 2), hidden_size=hidden_size)
        self.model = AdapterModel(backbone, head, fusion)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=1e-5, fused=True)
        ids = torch.randint(1000, config.vocab_size, (settings["rows"], settings["tokens"]))
        self.batch = Batch(ids, torch.ones_like(ids))
        self.labels = torch.randint(2, ids.shape[:1])

    def train(self) -> float:
        """Return the CPU seconds of one step, with regularisation and clipping."""
        started = time.process_time()
        self.model.train_from(0, frozen_dropout=True)
        self.optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.model(self.batch), self.labels)
        if isinstance(self.model.adapter, Fusion):
            loss = loss + self.model.adapter.regularisation_loss()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        return time.process_time() - started

    def infer(self) -> float:
        """Return the CPU seconds of one pass in evaluation mode."""
        started = time.process_time()
        self.model.eval()
        with torch.inference_mode():
            self.model(self.batch)
        return time.process_time() - started


def measure_unit(
    settings: dict[str, Any], sources: int, arguments: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """Return action → side → the CPU seconds of each round; a first round is not counted."""
    full, ours = Steps(settings, sources=None), Steps(settings, sources=sources)
    sides: dict[str, dict[str, Callable[[], float]]] = {
        "train": {FULL: full.train, "fusion": ours.train},
        "infer": {FULL: full.infer, "fusion": ours.infer},
    }
    command = [str(arguments.peer_python), "-m", "tests.benchmarks.peer.fusion"]
    peer = Server(command, environment=ONE_THREAD) if arguments.peer else None
    if peer is not None:
        peer.ask("prepare", settings=settings, sources=sources)
        sides["train"]["adapterhub"] = lambda: float(peer.ask("train"))
        sides["infer"]["adapterhub"] = lambda: float(peer.ask("infer"))
    found = {}
    for action in ACTIONS:
        alternate(sides[action], rounds=1)
        found[action] = alternate(sides[action], rounds=arguments.rounds)
    if peer is not None:
        peer.close()
    return found


def report(ledger: Ledger, units: dict[str, int]) -> None:
    """Print what the results file holds of these units, unit → number of adapters."""
    rows: list[list[object]] = []
    for unit, sources in units.items():
        found = ledger.get(unit)
        for position, action in enumerate(ACTIONS):
            for side, seconds in (found or {}).get(action, {}).items():
                rows.append(
                    [
                        f"{sources} adapters, {action}",
                        side,
                        spread(s * 1e3 for s in seconds),
                        ratios(found[action][FULL], seconds),
                        PAPER[sources][position]
                        if side == "adapterhub" and sources in PAPER
                        else None,
                    ]
                )
    columns = ("step", "side", "CPU ms", "× full fine-tuning", "paper")
    show("Fusion, median (lowest–highest) over rounds", columns, rows)


def main() -> None:
    made = parser("A fusion against the fully fine-tuned model.", name="fusion")
    made.add_argument("--sources", nargs="+", type=int, default=[8, 16])
    made.add_argument("--layers", type=int, default=12)
    made.add_argument("--hidden", type=int, default=768)
    made.add_argument("--rows", type=int, default=32)
    made.add_argument("--tokens", type=int, default=32, help="of every row")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    arguments = made.parse_args()
    if arguments.peer:
        check_peer(arguments.peer_python)
    torch.set_num_threads(1)
    settings = {
        "base": {
            "num_hidden_layers": arguments.layers,
            "hidden_size": arguments.hidden,
            "num_attention_heads": arguments.hidden // 64,
            "intermediate_size": 4 * arguments.hidden,
        },
        "rows": arguments.rows,
        "tokens": arguments.tokens,
    }
    size = f"{arguments.layers}x{arguments.hidden}/{arguments.rows}x{arguments.tokens}"
    units = {f"{size}/{sources}": sources for sources in arguments.sources}
    ledger = Ledger(arguments.out)
    console.print(environment_line(environment()))
    ledger.put("environment", environment())
    for unit, sources in units.items():
        if ledger.get(unit) is None:
            ledger.put(unit, measure_unit(settings, sources, arguments))
    report(ledger, units)


if __name__ == "__main__":
    main()
