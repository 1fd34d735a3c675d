"""A sweep as a careful user writes it today: Ray Tune and AdapterHub, one process a configuration.

Runs in the peer's own environment and imports nothing of this project. What a careful user does is
done: batches padded to their own longest row, as many trials at once as there are cores, one
thread each, no dashboard, no log files, the best epoch kept in memory.

    PEER_PYTHON -m tests.benchmarks.peer.sweep SETTINGS_JSON RESULTS_JSON [--flops]
"""

import copy
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

WINDOW_BATCHES = 16
EVALUATION_BATCH = 64


def read_task(folder: Path) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Return a task's card and its rows by split."""
    card = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    splits = {}
    for path in folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines()
        splits[path.stem] = [json.loads(line) for line in lines]
    return card, splits


def tokenise(tokenizer: Any, rows: list[dict[str, Any]], max_length: int) -> dict[str, Any]:
    second = [row["sentence2"] for row in rows] if "sentence2" in rows[0] else None
    found = tokenizer(
        [row["sentence1"] for row in rows],
        second,
        truncation="longest_first",
        max_length=max_length,
    )
    found["lengths"] = np.array([len(ids) for ids in found["input_ids"]])
    return found


def training_batches(
    lengths: Any, batch_size: int, random: Any, *, by_length: bool
) -> Iterator[Any]:
    """Yield the row numbers of one epoch: shuffled, perhaps sorted by length in windows, cut."""
    order = random.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), batch_size * WINDOW_BATCHES):
        window = order[start : start + batch_size * WINDOW_BATCHES]
        if by_length:
            window = window[np.argsort(lengths[window], kind="stable")]
        batches += [window[i : i + batch_size] for i in range(0, len(window), batch_size)]
    for number in random.permutation(len(batches)):
        yield batches[number]


def collate(tokenizer: Any, tokens: dict[str, Any], indices: Any) -> Any:
    names = ("input_ids", "attention_mask", "token_type_ids")
    rows = {name: [tokens[name][i] for i in indices] for name in names}
    return tokenizer.pad(rows, padding="longest", return_tensors="pt")


def build_model(base: str, *, labels: int, depth: int | None) -> Any:
    """Return AdapterHub's model with one Pfeiffer adapter above `depth` layers, and its head.

    Without a depth there is no adapter, and all of the base is trained.
    """
    from adapters import AutoAdapterModel, SeqBnConfig

    model = AutoAdapterModel.from_pretrained(base)
    model.add_classification_head("task", num_labels=labels, layers=2)
    if depth is not None:
        model.add_adapter("task", config=SeqBnConfig(leave_out=list(range(depth))))
        model.train_adapter("task")
    return model


def score(metric: str, predicted: Any, wanted: Any) -> float:
    from scipy import stats
    from sklearn.metrics import matthews_corrcoef

    if metric == "matthews":
        return float(matthews_corrcoef(wanted, predicted))
    if metric == "pearson-spearman":
        if np.ptp(predicted) == 0:
            return 0.0
        pearson = stats.pearsonr(predicted, wanted)[0]
        return float(pearson + stats.spearmanr(predicted, wanted)[0]) / 2
    if metric == "accuracy":
        return float((predicted == wanted).mean())
    raise ValueError(f"expected accuracy, matthews or pearson-spearman, found {metric}")


class Run:
    """One configuration: everything between a fresh process and its scores."""

    def __init__(self, settings: dict[str, Any], *, depth: int | None, seed: int) -> None:
        import torch
        from transformers import AutoTokenizer

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self.settings = settings
        self.random = np.random.default_rng(seed)
        self.card, rows = read_task(Path(settings["task"]))
        self.tokenizer = AutoTokenizer.from_pretrained(settings["base"])
        self.tokens = {
            split: tokenise(self.tokenizer, found, settings["max_length"])
            for split, found in rows.items()
        }
        self.regression = self.card["task_type"] == "regression"
        dtype = np.float32 if self.regression else np.int64
        self.labels = {s: np.array([row["label"] for row in r], dtype) for s, r in rows.items()}
        self.low, self.high = self.card.get("label_range") or (0.0, 1.0)
        labels = 1 if self.regression else len(self.card["label_names"])
        self.device = settings.get("device", "cpu")
        self.model = build_model(settings["base"], labels=labels, depth=depth).to(self.device)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.trained, lr=settings["learning_rate"], weight_decay=0.0
        )
        batches = -(-len(rows["train"]) // settings["batch_size"])
        steps = batches * settings["epochs"]
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda s: 1 - s / steps)

    def logits(self, split: str, indices: Any) -> Any:
        import torch

        batch = collate(self.tokenizer, self.tokens[split], indices).to(self.device)
        low = self.settings["precision"] == "bfloat16"
        kind = torch.device(self.device).type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=low):
            return self.model(**batch).logits.float()

    def train_epoch(self) -> float:
        """Train on every row once; return the mean loss."""
        self.model.train()
        lengths = self.tokens["train"]["lengths"]
        by_length = self.settings["batching"] == "by_length"
        size = self.settings["batch_size"]
        batches = training_batches(lengths, size, self.random, by_length=by_length)
        return sum(self.step(indices) * len(indices) for indices in batches) / len(lengths)

    def step(self, indices: Any) -> float:
        """Do one step on a batch; return its mean loss."""
        import torch
        from torch.nn import functional

        logits = self.logits("train", indices)
        wanted = torch.from_numpy(self.labels["train"][indices]).to(self.device)
        if self.regression:
            wanted = (wanted - self.low) / (self.high - self.low)
            loss = functional.mse_loss(logits[:, 0], wanted)
        else:
            loss = functional.cross_entropy(logits, wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss.item()

    def measure(self, split: str) -> float:
        import torch

        self.model.eval()
        order = np.argsort(-self.tokens[split]["lengths"], kind="stable")
        predicted = np.empty(len(order), np.float64 if self.regression else np.int64)
        with torch.inference_mode():
            for start in range(0, len(order), EVALUATION_BATCH):
                indices = order[start : start + EVALUATION_BATCH]
                logits = self.logits(split, indices)
                found = logits[:, 0] if self.regression else logits.argmax(-1)
                predicted[indices] = found.cpu().numpy()
        return score(self.card["metric"], predicted, self.labels[split])

    def state(self) -> dict[str, Any]:
        return {
            n: copy.deepcopy(p.data) for n, p in self.model.named_parameters() if p.requires_grad
        }

    def finish(self, best: dict[str, Any], folder: Path) -> dict[str, float]:
        """Take the best epoch's weights, save the adapter, and measure every labelled split."""
        own = dict(self.model.named_parameters())
        for name, value in best.items():
            own[name].data.copy_(value)
        self.model.save_adapter(str(folder / "adapter"), "task")
        return {s: self.measure(s) for s in ("validation", "test") if s in self.tokens}


def train_one(config: dict[str, Any]) -> None:
    """Train one configuration; Ray Tune calls this in a process of its own."""
    from ray import tune

    started = time.perf_counter()
    settings = config["settings"] | {"task": config["task"]}
    run = Run(settings, depth=config["depth"], seed=config["seed"])
    ready_s = time.perf_counter() - started
    curve: list[float] = []
    best: dict[str, Any] = {}
    losses = []
    for _ in range(settings["epochs"]):
        losses.append(run.train_epoch())
        curve.append(run.measure("validation"))
        if curve[-1] > max(curve[:-1], default=float("-inf")):
            best = run.state()
    scores = run.finish(best, Path(tune.get_context().get_trial_dir()))
    tune.report(
        {
            "task": Path(config["task"]).name,
            "depth": config["depth"],
            "seed": config["seed"],
            "scores": scores,
            "curve": curve,
            "losses": losses,
            "ready_s": ready_s,
            "duration_s": time.perf_counter() - started,
        }
    )


def count_flops(settings: dict[str, Any]) -> float:
    """Return the operations of the sweep's products, from one epoch of one seed of each depth."""
    from tests.benchmarks.flops import counted

    total, epochs = 0.0, settings["epochs"]
    for task, depth in itertools.product(settings["tasks"], settings["depths"]):
        run = Run(settings | {"task": task}, depth=depth, seed=settings["seeds"][0])
        total += epochs * counted(run.train_epoch)
        for split, times in (("validation", epochs + 1), ("test", 1)):
            if split in run.tokens:
                total += times * counted(lambda run=run, split=split: run.measure(split))
    return total * len(settings["seeds"])


def main(settings_path: Path, results_path: Path) -> None:
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    import ray
    from ray import tune

    settings = json.loads(settings_path.read_text(encoding="utf-8"))
    axes = ("tasks", "depths", "seeds")
    root = str(Path(__file__).resolve().parents[3])
    ray.init(
        address="local",
        num_cpus=settings["cores"],
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}},
    )
    results = tune.Tuner(
        tune.with_resources(train_one, {"cpu": 1}),
        param_space={
            "settings": {key: settings[key] for key in settings if key not in axes},
            "task": tune.grid_search(settings["tasks"]),
            "depth": tune.grid_search(settings["depths"]),
            "seed": tune.grid_search(settings["seeds"]),
        },
        run_config=tune.RunConfig(
            name="peer", storage_path=str(results_path.parent.resolve()), verbose=0
        ),
    ).fit()
    ray.shutdown()
    if results.errors:
        raise SystemExit(f"{len(results.errors)} configurations failed: {results.errors[0]}")
    names = ("task", "depth", "seed", "scores", "curve", "losses", "ready_s", "duration_s")
    found = [{name: result.metrics[name] for name in names} for result in results]
    results_path.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    if "--flops" in sys.argv:
        found = {"flops": count_flops(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))}
        Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
