"""A base model and tasks small enough to train in a second, made anew for each test run."""

import json
import os
import random
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import ports
from tests.own_postgres import NoPostgresError, running_postgres

# The same cases in every run; HYPOTHESIS_PROFILE=explore draws new ones.
hypothesis.settings.register_profile("repeat", derandomize=True)
hypothesis.settings.register_profile("explore")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
_CACHE = tempfile.TemporaryDirectory(prefix="adaptersweep-cache-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name  # the user's own stays as it is

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GOOD = ("good", "fine", "great", "nice", "lovely")
BAD = ("bad", "poor", "awful", "dull", "weak")
REST = ("the", "film", "story", "was", "a", "very", "and", "its", "plot", "music", "cast", "end")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Give torch one thread, as a worker has by default."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The twelve real tasks beside the project, or a skip."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real tasks are not beside the project ({SHARED_DATA})")
    return SHARED_DATA


@pytest.fixture(scope="session")
def toy_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of 3 layers, hidden 32, with a word tokenizer, as `save_pretrained` writes."""
    return write_toy_base(tmp_path_factory.mktemp("base"))


def write_toy_base(into: Path) -> Path:
    """Make `toy_base` in a folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = into / "toy-bert"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *GOOD, *BAD, *REST]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=40,
        initializer_range=0.3,  # so that random features say something about the words
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
    )
    torch.manual_seed(11)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def write_task(folder: Path, name: str, *, seed: int, train: int = 48, held_out: int = 24) -> Path:
    """Write a task that a tiny model can learn: does a sentence hold more good or bad words?"""
    draw = random.Random(seed)
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for split, rows in (("train", train), ("validation", held_out), ("test", held_out)):
        with (target / f"{split}.jsonl").open("w", encoding="utf-8") as stream:
            for index in range(rows):
                label = index % 2
                words = draw.choices((BAD, GOOD)[label], k=3) + draw.choices(REST, k=4)
                draw.shuffle(words)
                stream.write(json.dumps({"sentence1": " ".join(words), "label": label}) + "\n")
    card = {
        "name": name,
        "task_type": "classification",
        "label_names": ["bad", "good"],
        "metric": "accuracy",
        "licence": "made for a test",
    }
    (target / "dataset.json").write_text(json.dumps(card))
    return target


@pytest.fixture
def make_task(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny task under `tmp_path / "tasks"`; see `write_task`."""

    def make(name: str, *, seed: int = 0, train: int = 48, held_out: int = 24) -> Path:
        return write_task(tmp_path / "tasks", name, seed=seed, train=train, held_out=held_out)

    return make


TOY_SWEEP = """\
name: toy
base_models:
  toy: {{ source: "folder:{base}" }}
tasks:
  one: {{ folder: "{tasks}/one" }}
  two: {{ folder: "{tasks}/two" }}
  three: {{ folder: "{tasks}/three" }}
seeds: {seeds}
adapter: {{ bottleneck_size: 8 }}
training: {{ learning_rate: 1e-2, batch_size: 8, max_length: 16, epochs: {epochs} }}
fast_path: {{ checkpoint_share: 1 }}
trials:
  - drop: {{ mode: [none, specialised, robust], depth: [1, 2] }}
  - adapter: {{ sharing: all_layers, placement: [pfeiffer, houlsby] }}
  - method: [head_only, full_fine_tuning]
fusion:
  - targets: one
    sources: {{ tasks: all, where: {{ sharing: none }} }}
    drop: {{ mode: [none, robust] }}
    pruning: {{ keep: [1, 2] }}
"""


@pytest.fixture
def toy_sweep(tmp_path: Path, toy_base: Path) -> Callable[..., Path]:
    """Write a sweep over three tiny tasks that names every kind of trial; return its path."""

    def write(*, seeds: str = "[0]", epochs: int = 2, name: str = "sweep.yaml") -> Path:
        return write_toy_sweep(tmp_path, toy_base, seeds=seeds, epochs=epochs, name=name)

    return write


def write_toy_sweep(
    into: Path, base: Path, *, seeds: str, epochs: int, name: str = "sweep.yaml"
) -> Path:
    """Write the sweep of `toy_sweep`, and its tasks where they are missing."""
    tasks = into / "tasks"
    for seed, task in enumerate(("one", "two", "three")):
        if not (tasks / task).exists():
            write_task(tasks, task, seed=seed)
    path = into / name
    path.write_text(TOY_SWEEP.format(base=base, tasks=tasks, seeds=seeds, epochs=epochs))
    return path


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Find a port of loopback that nobody listens on."""
    return ports.free_port


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a PostgreSQL of our own on loopback; give the URL of its server, without database."""
    pytest.importorskip("psycopg")
    try:
        with running_postgres(ports.free_port()) as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_database(postgres: str) -> Callable[[], str]:
    """Make a new database without any table on our PostgreSQL, and give its URL."""
    import psycopg

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        address = postgres.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"{postgres}/{name}"

    return make
