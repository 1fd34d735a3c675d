"""Names stay in their folders, and nothing that is read can run code."""

import ast
import json
import logging
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from adapter_lib.errors import AdapterLibError
from adapter_lib.transformer.backbone import Backbone
from orchestrator.errors import SpecError
from orchestrator.spec.read import read_spec
from workers.contract.paths import Workspace
from workers.contract.results import AdapterFiles, read_failure
from workers.errors import CheckpointError, NameRefusedError, WorkerError
from workers.prefix.store import ArrayStore, _checksum
from workers.running.one_trial import logging_to, record_failure
from workers.training.checkpoint import read_checkpoint, write_checkpoint

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapter_lib", "workers", "orchestrator", "dashboards")
OUTSIDE = [
    "a/../../../evil",
    "..",
    "a/..",
    "a//b",
    "/etc",
    "a/./b",
    ".hidden",
    "a/",
    "a\\..\\b",
    "",
]

SWEEP = """\
name: {sweep}
base_models: {{ {base}: {{ source: "hub:a/b" }} }}
tasks: {{ {task}: {{ hub: glue/rte }} }}
"""


@pytest.mark.parametrize("place", ["sweep", "base", "task"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_names_of_a_sweep_cannot_lead_out_of_the_workspace(place, name, tmp_path):
    path = tmp_path / "sweep.yaml"
    names = {"sweep": "fine", "base": "fine/x", "task": "glue/rte"}
    path.write_text(SWEEP.format(**names))
    read_spec(path)
    path.write_text(SWEEP.format(**names | {place: f'"{name}"'.replace("\\", "\\\\")}))
    with pytest.raises(SpecError, match="expected a name of at most 80 letters"):
        read_spec(path)


@pytest.mark.parametrize("trial_id", ["../../x", "..", "a/b", "", "/etc", "a\n", ".a", "a\0"])
def test_the_id_of_a_trial_is_no_path(trial_id, tmp_path):
    assert Workspace(tmp_path).trial("ab12").folder == tmp_path / "trials" / "ab" / "ab12"
    with pytest.raises(NameRefusedError, match="expected the id of a trial"):
        Workspace(tmp_path).trial(trial_id)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", ""])
def test_a_result_lists_files_of_its_own_folder_alone(name):
    known = {"kind": "adapter", "digest": "d", "size_bytes": 1}
    assert AdapterFiles(files={"deep/adapter.json": "0"}, **known).files
    with pytest.raises(ValueError, match="inside the adapter's folder"):
        AdapterFiles(files={name: "0"}, **known)


MUST_SAY = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}
"""Readers that would run what a file says, and the argument that keeps them from it."""
RUNS_CODE = re.compile(
    r"(?:c?pickle|_pickle|dill|cloudpickle|joblib|marshal|shelve)\.(?:loads?|open|Unpickler)"
    r"|pickle\.Unpickler|yaml\.(?:load|load_all|unsafe_load|full_load)|pd\.read_pickle"
    r"|pandas\.read_pickle|eval|exec|os\.system"
)


def calls():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.unparse(node.func), node


def test_no_reader_runs_what_a_file_says():
    seen = set()
    for where, name, node in calls():
        assert not RUNS_CODE.fullmatch(name), f"{where}: {name}"
        given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
        assert given.get("trust_remote_code", False) is False, where
        assert given.get("shell", False) is False, where
        if name in MUST_SAY:
            argument, value = MUST_SAY[name]
            assert given.get(argument) is value, f"{where}: {name} needs {argument}={value}"
            seen.add(name)
    assert {"torch.load", "np.load"} <= seen, "the search finds what there is"


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_pickle_in_place_of_a_checkpoint_does_nothing(tmp_path):
    mark, path = tmp_path / "ran", tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"step": Bomb(mark)})  # its checksum is right
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists(), "it would have"


def test_a_pickle_in_place_of_a_stored_prefix_does_nothing(tmp_path):
    mark = tmp_path / "ran"
    np.save(tmp_path / "x.npy", np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    note = {"crc32": _checksum(tmp_path / "x.npy"), "dtype": "|O", "shape": [1]}
    (tmp_path / "x.json").write_text(json.dumps(note))
    assert ArrayStore(tmp_path, budget=1).read("x") is None
    assert not mark.exists()


def test_a_base_model_that_is_a_bomb_is_refused_and_does_nothing(toy_base, tmp_path):
    mark, folder = tmp_path / "ran", tmp_path / "base"
    shutil.copytree(toy_base, folder)
    (folder / "model.safetensors").unlink()
    torch.save({"embeddings": Bomb(mark)}, folder / "pytorch_model.bin")
    with pytest.raises((AdapterLibError, WorkerError)):
        Backbone.from_folder(folder)
    assert not mark.exists()


def test_what_a_trial_failed_of_holds_no_secret(tmp_path):
    trial = SimpleNamespace(trial_id="ab12")
    workspace = Workspace(tmp_path)
    paths = workspace.trial("ab12")
    signed = "https://cdn/file?X-Amz-Signature=hunter2&X-Amz-Date=1"
    with logging_to(paths):
        try:
            raise OSError(f"403 for {signed}")
        except OSError as error:
            logging.getLogger("workers.x").exception("trial failed")
            record_failure(trial, workspace, error)
    assert (
        read_failure(paths).message == "403 for https://cdn/file?X-Amz-Signature=***&X-Amz-Date=1"
    )
    for path in paths.folder.iterdir():
        assert "hunter2" not in path.read_text(), path
    assert "X-Amz-Signature=***" in paths.log.read_text()
