"""A registered adapter is a model of MLflow's, which answers what `adaptersweep predict` does."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from adapter_lib.errors import AdapterFileError, AdapterLibError
from orchestrator import command_line
from orchestrator.catalog import Catalog
from orchestrator.mlflow.runs import connect
from orchestrator.planning.selection import Standing, Winner
from orchestrator.registry.lookup import pull
from orchestrator.registry.model_card import CARD_FILE, example_row, model_card
from orchestrator.registry.model_files import signature, write_model_files
from orchestrator.registry.registered import RegisteredAdapter
from orchestrator.registry.registration import register_winner
from tests.unit.orchestrator.toy_adapters import ROWS, save_toy_adapter, toy_card
from workers.contract.checksums import folder_digest
from workers.contract.results import AdapterFiles
from workers.contract.task_card import TaskKind
from workers.errors import TaskError

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*type hint is inferred as AnyType:UserWarning"  # MLflow's own code, when imported
)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Load a model as a user of MLflow does."""

    def run(address: str | Path, **more: Any):
        import mlflow

        return mlflow.pyfunc.load_model(str(address), **more)

    return run


@pytest.fixture
def saved(toy_base: Path, tmp_path: Path):
    """Save an adapter with the files that MLflow wants beside it."""

    def make(kind: TaskKind) -> Path:
        folder = save_toy_adapter(tmp_path / f"model-{kind}", kind, toy_base, spread=0.5)
        write_model_files(
            folder, toy_card(kind), "# A card\n", kind="adapter", run_id=None, model_id="m-1"
        )
        return folder

    return make


def answers_of_the_command(folder: Path, rows: list[dict[str, Any]], monkeypatch, *more: str):
    source, target = folder.parent / "rows.jsonl", folder.parent / "answers.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    words = ["predict", str(folder), "--input", str(source), "--output", str(target), *more]
    monkeypatch.setattr(sys, "argv", ["adaptersweep", *words, "--overwrite"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert not ended.value.code
    return [json.loads(line) for line in target.read_text().splitlines()]


@pytest.mark.parametrize("kind", TaskKind)
def test_it_answers_what_the_command_answers(saved, load, monkeypatch, kind):
    folder, rows = saved(kind), ROWS[kind]
    model = load(folder)
    found = model.predict(pd.DataFrame(rows)).to_dict("records")
    expected = answers_of_the_command(folder, rows, monkeypatch)
    assert [row | answer for row, answer in zip(rows, found, strict=True)] == expected
    assert set(found[0]) == set(model.metadata.signature.outputs.input_names())
    assert [n for n in model.metadata.signature.inputs.input_names() if n not in rows[0]] == []


@pytest.mark.parametrize("kind", TaskKind)
def test_its_example_is_of_its_signature_and_is_answered(saved, load, kind):
    folder = saved(kind)
    model = load(folder)
    example = model.input_example
    assert example.to_dict("records") == [example_row(toy_card(kind))]
    assert len(model.predict(example)) == 1
    served = json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]
    assert served["columns"] == list(example.columns)
    assert model.metadata.signature.to_dict() == signature(toy_card(kind)).to_dict()


def test_adapters_of_the_lowest_layers_can_be_left_out(saved, load, monkeypatch):
    folder, rows = saved(TaskKind.CLASSIFICATION), ROWS[TaskKind.CLASSIFICATION]
    model, frame = load(folder), pd.DataFrame(rows)
    found = model.predict(frame, params={"drop_depth": 2}).to_dict("records")
    expected = answers_of_the_command(folder, rows, monkeypatch, "--drop-depth", "2")
    assert [row | answer for row, answer in zip(rows, found, strict=True)] == expected
    assert found != model.predict(frame).to_dict("records")


def test_an_index_is_kept_and_a_bad_row_is_named(saved, load):
    model = load(saved(TaskKind.SPAN))
    frame = pd.DataFrame(ROWS[TaskKind.SPAN] * 2, index=["a", "b"])
    assert list(model.predict(frame).index) == ["a", "b"]
    frame.loc["b", "context"] = None
    with pytest.raises(TaskError, match="row 2"):
        model.predict(frame)


def test_a_base_model_that_moved_is_said_and_another_is_refused(
    saved, load, toy_base, tmp_path, monkeypatch
):
    folder = saved(TaskKind.CLASSIFICATION)
    moved = tmp_path / "moved"
    moved.symlink_to(toy_base)
    frame = pd.DataFrame(ROWS[TaskKind.CLASSIFICATION])
    there = load(folder, model_config={"base_folder": str(moved)}).predict(frame)
    assert there.equals(load(folder).predict(frame))
    with pytest.raises(AdapterLibError):
        load(folder, model_config={"base_folder": str(tmp_path)})


def test_a_damaged_file_is_refused(saved, load):
    folder = saved(TaskKind.CLASSIFICATION)
    weights = folder / "adapter.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(AdapterFileError):
        load(folder)


def test_nothing_in_a_version_is_pickled_or_runs(saved):
    folder = saved(TaskKind.CLASSIFICATION)
    model = yaml.safe_load((folder / "MLmodel").read_text())
    assert set(model["flavors"]) == {"adaptersweep", "python_function"}
    pyfunc = model["flavors"]["python_function"]
    assert pyfunc["loader_module"] == "orchestrator.registry.pyfunc_model"
    assert not {"code", "python_model", "model_code_path", "data"} & set(pyfunc)
    assert {path.suffix for path in folder.iterdir()} <= {
        "",
        ".json",
        ".safetensors",
        ".txt",
        ".md",
    }
    assert not list(folder.glob("*.pkl"))


@pytest.fixture
def registered(sqlite_catalog: Catalog, stores, samples, toy_base) -> RegisteredAdapter:
    """Register a real adapter, as a sweep does."""
    trial = samples.trial(task="one")
    folder = stores.workspace.trial(trial.trial_id).adapter
    folder.parent.mkdir(parents=True)
    save_toy_adapter(folder, TaskKind.CLASSIFICATION, toy_base)
    files, digest = folder_digest(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    adapter = AdapterFiles(kind="adapter", files=files, digest=digest, size_bytes=size)
    result = samples.result(trial, adapter=adapter)
    sqlite_catalog.begin_submission("s", "", [trial])
    sqlite_catalog.record_result("s", result)
    standing = Standing(trial, result, "accuracy", 0.7, mean=0.68, std=0.01, seeds=3, planned=3)
    made = register_winner(sqlite_catalog, stores, Winner("champion", standing), sweep="s")
    assert isinstance(made, RegisteredAdapter)
    return made


def test_a_champion_is_loaded_by_its_alias(registered, stores, load, monkeypatch, tmp_path):
    # Not by mlflow.set_tracking_uri, which leaves it in the environment for all that come later.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", stores.tracking_uri)
    model = load(f"models:/{registered.name}@champion")
    rows = ROWS[TaskKind.CLASSIFICATION]
    pulled = pull("one@champion", tmp_path / "pulled", tracking_uri=stores.tracking_uri)
    expected = answers_of_the_command(pulled, rows, monkeypatch)
    found = model.predict(pd.DataFrame(rows)).to_dict("records")
    assert [row | answer for row, answer in zip(rows, found, strict=True)] == expected
    assert not (pulled / CARD_FILE).exists()  # only what was committed is pulled


def test_a_version_has_a_card_and_no_weights_of_the_base(registered, stores, toy_base, tmp_path):
    client = connect(stores.tracking_uri)
    version = client.get_model_version(registered.name, registered.version)
    from mlflow.artifacts import download_artifacts

    folder = Path(download_artifacts(version.source, dst_path=str(tmp_path)))
    card = (folder / CARD_FILE).read_text()
    assert card.startswith("---\nlibrary_name: adaptersweep\n")
    assert "0.7000" in card
    assert "0.6800 ± 0.0100 over 3 seeds" in card
    assert f"models:/{registered.name}@champion" in version.description
    assert len(version.description) < 5000  # MLflow's column
    weights = sum(p.stat().st_size for p in toy_base.glob("*.safetensors"))
    assert sum(p.stat().st_size for p in folder.rglob("*")) < weights / 2


def test_a_card_says_all_settings_and_hostile_words_stay_in_their_cells(samples):
    trial = samples.trial(task="one")
    card = trial.task.card.model_copy(update={"origin": "a | b\n# no <script> heading"})
    trial = trial.model_copy(update={"task": trial.task.model_copy(update={"card": card})})
    standing = Standing(
        trial, samples.result(trial), "accuracy", 0.7, mean=0.7, std=None, seeds=1, planned=1
    )
    text = model_card(standing, {"bottleneck_size": 24, "keep": None}, name="one--minilm")
    assert "| bottleneck_size | 24 |" in text
    assert "| keep |" not in text
    assert "| origin of the data | a \\| b # no &lt;script> heading |" in text
