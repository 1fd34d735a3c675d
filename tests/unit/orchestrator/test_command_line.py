"""Bad input ends with a message and exit code 2; help imports nothing heavy."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from transformers import BertConfig, BertModel

from adapter_lib.config.configuration import AdapterConfig, HeadConfig, HeadKind
from adapter_lib.model import AdapterModel
from adapter_lib.modules.bottleneck import Adapter
from adapter_lib.modules.heads import Head
from adapter_lib.storage.files import save_adapter
from adapter_lib.transformer.backbone import Backbone
from orchestrator import command_line
from orchestrator.commands.driver_log import logging_to
from workers.contract.log_lines import LogFormat


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., Any]]:
    """Run the command in this process; return exit code and what it said on stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["adaptersweep", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


def change(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


BAD_SWEEPS = {
    "unknown key": ("seeds:", "sedes:", ["unknown key", "did you mean `seeds`"]),
    "wrong type": ("epochs: 2", "epochs: two", ["training.epochs", "whole number", "two"]),
    "drop depth beyond the layers": ("depth: [1, 2]", "depth: [1, 9]", ["0…2", "3 layers", "9"]),
    "unknown task": ("targets: one", "targets: four", ["one, two, three", "four"]),
    "unknown task folder": ("tasks/one", "tasks/four", ["tasks.one", "four"]),
    "not YAML": ("seeds: [0]", "seeds: [0", ["not YAML"]),
    "fusion of one source": ("tasks: all", "tasks: [one]", ["two sources", "found 1"]),
    "base folder that is not there": ("toy-bert", "no-bert", ["base_models.toy", "no such folder"]),
}


@pytest.mark.parametrize("verb", ["plan", "submit"])
@pytest.mark.parametrize("case", BAD_SWEEPS)
def test_a_bad_sweep_is_refused_with_its_line(
    case: str, verb: str, command: Callable[..., Any], toy_sweep: Callable[..., Path]
) -> None:
    old, new, said = BAD_SWEEPS[case]
    path = change(toy_sweep(), old, new)
    code, message = command(verb, path)
    assert code == 2
    assert f"{path}:" in message
    for part in said:
        assert part in message, message


def rewrite(rows: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    lines = [edit(json.loads(line)) for line in rows.read_text().splitlines()]
    rows.write_text("".join(json.dumps(row) + "\n" for row in lines))


BAD_DATA: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "missing column": (
        lambda task: rewrite(task / "train.jsonl", lambda row: {"label": row["label"]}),
        ["sentence1", "train.jsonl"],
    ),
    "empty split": (lambda task: (task / "validation.jsonl").write_text(""), ["validation.jsonl"]),
    "label outside the card": (
        lambda task: rewrite(task / "test.jsonl", lambda row: row | {"label": 7}),
        ["test.jsonl line 1", "7"],
    ),
    "card that is not JSON": (
        lambda task: (task / "dataset.json").write_text("{"),
        ["dataset.json"],
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_refused_before_anything_runs(
    case: str, command: Callable[..., Any], toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    sweep = toy_sweep()
    damage, said = BAD_DATA[case]
    damage(tmp_path / "tasks" / "one")
    code, message = command("submit", sweep)
    assert code == 2
    for part in ["tasks.one", *said]:
        assert part in message, message
    assert not (tmp_path / "workspace" / "trials").exists()


def test_a_log_leaves_no_handler_behind(tmp_path: Path) -> None:
    root, log = logging.getLogger(), tmp_path / "driver.log"
    before = list(root.handlers), root.level
    with logging_to(log, LogFormat.TEXT):
        logging.getLogger("orchestrator").info("of a submission")
    logging.getLogger("orchestrator").warning("of another one")
    assert (list(root.handlers), root.level) == before
    assert "of a submission" in log.read_text()
    assert "of another one" not in log.read_text()


def test_odd_data_is_said_before_anything_runs(
    toy_sweep: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sweep = toy_sweep()
    rewrite(tmp_path / "tasks" / "one" / "train.jsonl", lambda row: row | {"label": 1})
    rewrite(tmp_path / "tasks" / "two" / "test.jsonl", lambda row: row | {"sentence1": ""})
    expected = [
        "task one: all 48 rows of train have the same label",
        "task one: validation has labels that train has not: 'bad'",
        "task one: test has labels that train has not: 'bad'",
        "task two: 24 of 24 rows of test have an empty text",
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["adaptersweep", "plan", str(sweep)])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    said = capsys.readouterr().out
    assert not ended.value.code
    for warning in expected:
        assert f"warning {warning}" in said
    assert said.count("warning") == len(expected)  # once each, not once for every trial
    monkeypatch.setattr(sys, "argv", ["adaptersweep", "plan", str(sweep), "--json"])
    with pytest.raises(SystemExit):
        command_line.main()
    assert json.loads(capsys.readouterr().out)["warnings"] == expected


def test_a_base_model_without_weights_is_refused(
    command: Callable[..., Any], toy_sweep: Callable[..., Path], toy_base: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_text((toy_base / "config.json").read_text())
    code, message = command("plan", change(toy_sweep(), str(toy_base), str(bare)))
    assert code == 2
    assert "model.safetensors" in message
    assert "found config.json" in message


@pytest.fixture
def adapter(toy_base: Path, tmp_path: Path) -> Path:
    """A saved adapter over the toy base, as a trial leaves it."""
    backbone = Backbone.from_folder(toy_base)
    head = Head(HeadConfig(kind=HeadKind.CLASSIFICATION, labels=2), hidden_size=32)
    bottlenecks = Adapter(AdapterConfig(bottleneck_size=4), layers=3, hidden_size=32)
    task = {
        "name": "one",
        "kind": "classification",
        "columns": {"text": "sentence1", "text_pair": None, "label": "label"},
        "label_names": ["bad", "good"],
        "label_range": None,
        "metric": "accuracy",
        "metrics": ["accuracy"],
        "licence": "",
        "origin": "",
        "max_length": 16,
    }
    origin = {"base_source": f"folder:{toy_base}", "base_revision": None}
    folder = tmp_path / "adapter"
    save_adapter(folder, AdapterModel(backbone, head, bottlenecks), task=task, provenance=origin)
    return folder


def test_an_intact_adapter_predicts(command: Callable[..., Any], adapter: Path) -> None:
    assert command("predict", adapter, "good film") == (0, "")


@pytest.mark.parametrize("name", ["adapter.safetensors", "adapter.json"])
@pytest.mark.parametrize("where", [0.1, 0.5, 0.95])
def test_an_adapter_damaged_by_one_byte_is_refused(
    command: Callable[..., Any], adapter: Path, name: str, where: float
) -> None:
    content = bytearray((adapter / name).read_bytes())
    content[int(len(content) * where)] ^= 1
    (adapter / name).write_bytes(content)
    code, message = command("predict", adapter, "good film")
    assert code == 2
    assert name in message


def test_an_adapter_on_another_base_is_refused(
    command: Callable[..., Any], adapter: Path, toy_base: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other-bert"
    config = BertConfig.from_pretrained(toy_base)
    torch.manual_seed(5)
    BertModel(config, add_pooling_layer=False).save_pretrained(other)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (other / name).write_bytes((toy_base / name).read_bytes())
    code, message = command("predict", adapter, "good film", "--base-folder", other)
    assert code == 2
    assert "base" in message
    assert "expected" in message


def test_a_pair_for_a_single_sentence_task_is_refused(
    command: Callable[..., Any], adapter: Path
) -> None:
    code, message = command("predict", adapter, "good film", "bad film")
    assert code == 2
    assert "one sentence" in message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), "no catalog in"),
        (("best",), "submit a sweep first"),
        (("mlflow",), "no MLflow store in"),
        (("predict", "rte", "text"), "TASK@ALIAS"),
        (("predict", ".", "text"), "found no adapter.json in ."),
        (("plan", "none.yaml"), "no such file"),
        (("plan", "none.yaml", "-w", "s3://bucket/place"), "folder that every node sees"),
    ],
)
def test_what_is_not_there_is_said(
    command: Callable[..., Any], arguments: tuple[str, ...], said: str
) -> None:
    code, message = command(*arguments)
    assert code == 2
    if "s3://bucket/place" not in arguments:
        assert said in message


def test_help_imports_nothing_heavy() -> None:
    """Torch, Ray, MLflow, SQLAlchemy and pandas cost seconds; the help needs none of them."""
    code = (
        "import sys; from typer.testing import CliRunner;"
        "from orchestrator.command_line import app;"
        "done = CliRunner().invoke(app, ['--help']); assert done.exit_code == 0, done;"
        "heavy = {'torch', 'ray', 'mlflow', 'sqlalchemy', 'transformers', 'datasets', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_doctor_reports_every_part(command: Callable[..., Any], tmp_path: Path) -> None:
    code, _ = command("doctor", "-w", tmp_path / "workspace", "--json")
    assert code == 0
    away = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    code, _ = command("doctor", "-w", tmp_path / "workspace", "--catalog", away)
    assert code == 1


def run_apart(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.command_line", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )


def test_the_version_and_completion_are_printed() -> None:
    assert run_apart("--version").stdout == f"adaptersweep {version('adaptersweep')}\n"
    asked = {"COMP_WORDS": "adaptersweep sta", "COMP_CWORD": "1"}
    done = run_apart(**asked, _ADAPTERSWEEP_COMPLETE="complete_bash")
    assert done.stdout.split() == ["status"]


def test_characters_that_an_output_cannot_show_are_escaped(tmp_path: Path) -> None:
    done = run_apart("best", "-w", str(tmp_path / "née"), PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "n\\xe9e" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_output_is_no_error_of_ours(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(**_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(command_line, "app", closed)
    code, said = command("status")
    assert (code, said) == (141, "")


def test_what_the_system_refuses_is_said(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device", "/data/catalog.sqlite")

    monkeypatch.setattr(command_line, "app", full)
    code, said = command("status")
    assert code == 2
    assert "No space left on device: '/data/catalog.sqlite'; check the path" in said


def test_sigterm_interrupts(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def told_to_stop(**_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(command_line, "app", told_to_stop)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert command("status") == (130, "")
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("foo", "expected the address of a Ray cluster, found 'foo'; give `auto`, or HOST:PORT"),
        ("10.0.0.1", "HOST:PORT of its head node, such as 10.0.0.1:6379"),
        (":6379", "expected the address of a Ray cluster, found ':6379'"),
        ("http://head:6379", "expected the address of a Ray cluster"),
        ("head:99999", "expected the address of a Ray cluster, found 'head:99999'"),
        ("head:0", "expected the address of a Ray cluster"),
        ("ray://head:10001", "found ray://head:10001 of Ray Client, through which no sweep can"),
        ("127.0.0.1:1", "cannot reach a Ray cluster at 127.0.0.1:1"),
        ("[::1]:1", "cannot reach a Ray cluster at [::1]:1"),
        ("x" * 300 + ":6379", "cannot reach a Ray cluster at xxx"),
    ],
)
def test_an_address_that_is_none_is_refused(
    address: str, said: str, command: Callable[..., Any], toy_sweep: Callable[..., Path]
) -> None:
    code, message = command("submit", toy_sweep(), "--address", address)
    assert code == 2
    assert said in message


@pytest.mark.parametrize(
    ("option", "value"), [("--seed", 2**63), ("--seed", -1), ("--drop-depth", 10**20)]
)
def test_a_number_that_no_catalog_holds_is_refused(
    option: str, value: int, command: Callable[..., Any]
) -> None:
    code, said = command("trials", option, value)
    assert code == 2
    assert option in said


def test_help_shows_every_word_of_its_texts() -> None:
    """Square brackets would be taken for markup, and left out."""
    for command in typer.main.get_group(command_line.app).commands.values():
        for parameter in command.params:
            assert "[" not in (getattr(parameter, "help", None) or ""), (command.name, parameter)
    done = run_apart("predict", "--help", COLUMNS="200")
    assert "(default: lines of stdin)" in done.stdout
