"""AdapterHub's fusion on request: a training step or an inference pass, in its own environment.

PEER_PYTHON -m tests.benchmarks.peer.fusion        (see `tests.benchmarks.serving`)
"""

import logging
import time
from typing import Any

import torch
from adapters import AdapterConfig, AutoAdapterModel
from adapters.composition import Fuse
from torch.nn import functional
from transformers import BertConfig

from tests.benchmarks.serving import serve


class FusionSteps:
    """A fusion over a random BERT, and one batch for it."""

    def prepare(self, settings: dict[str, Any], *, sources: int) -> None:
        """Build it with its classification head, ready to train."""
        torch.manual_seed(0)
        config = BertConfig(**settings["base"])
        self.model = model = AutoAdapterModel.from_config(config)
        names = [f"source{i}" for i in range(sources)]
        for name in names:
            model.add_adapter(name, config=AdapterConfig.load("seq_bn", reduction_factor=16))
        fuse = Fuse(*names)
        model.add_adapter_fusion(fuse)
        model.add_classification_head("head", num_labels=2, layers=1)
        model.train_adapter_fusion(fuse)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=1e-5, fused=True)
        shape = (settings["rows"], settings["tokens"])
        self.ids = torch.randint(1000, config.vocab_size, shape)
        self.mask = torch.ones_like(self.ids)
        self.labels = torch.randint(2, shape[:1])

    def train(self) -> float:
        """Return the CPU seconds of one step with regularisation and clipping, as Trainer has."""
        started = time.process_time()
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        logits = self.model(self.ids, attention_mask=self.mask).logits
        loss = functional.cross_entropy(logits, self.labels)
        (loss + self.model.base_model.get_fusion_regularization_loss()).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        return time.process_time() - started

    def infer(self) -> float:
        """Return the CPU seconds of one pass in evaluation mode."""
        started = time.process_time()
        self.model.eval()
        with torch.inference_mode():
            self.model(self.ids, attention_mask=self.mask)
        return time.process_time() - started


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    server = FusionSteps()
    serve({"prepare": server.prepare, "train": server.train, "infer": server.infer})
