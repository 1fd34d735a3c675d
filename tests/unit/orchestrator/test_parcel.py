"""A sweep's local folders travel by content, and arrive as they were."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import SchedulingError, SpecError
from orchestrator.running import parcel as module
from orchestrator.running.driver import plan_sweep
from orchestrator.running.parcel import Order, Parcel, pack, read_order, unpack
from workers.contract.paths import Workspace

ORDER = Order(
    name="toy.yaml",
    workspace="/shared",
    environment={},
    options=("--force",),
    person="ada@laptop",
)


def arrived(sent: Parcel, folder: Path) -> Path:
    """Write an archive, and lay it out as Ray does."""
    sent.write(ORDER, folder.with_suffix(".zip"))
    with zipfile.ZipFile(folder.with_suffix(".zip")) as archive:
        archive.extractall(folder)
    return folder


def test_what_arrives_is_the_same_sweep(toy_sweep: Callable[..., Path], tmp_path: Path) -> None:
    sweep = toy_sweep()
    name, sent = pack(sweep, "/shared")
    assert (name, len(sent.folders)) == ("toy", 4)
    assert str(tmp_path) not in sent.text
    here = arrived(sent, tmp_path / "there")
    workspace = Workspace(tmp_path / "workspace")
    path = unpack(here, workspace, ORDER)
    assert path.is_relative_to(workspace.sent)
    assert path.name == "toy.yaml"
    assert read_order(here) == ORDER
    there, _ = plan_sweep(path)
    assert list(there.trials) == list(plan_sweep(sweep)[0].trials)
    before = {p: p.stat().st_mtime_ns for p in workspace.sent.rglob("*.jsonl")}
    assert unpack(here, workspace, ORDER) == path
    assert {p: p.stat().st_mtime_ns for p in workspace.sent.rglob("*.jsonl")} == before


def test_the_same_content_gives_the_same_archive(
    toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    sweep = toy_sweep()
    archives = []
    for name in ("a.zip", "b.zip"):
        pack(sweep, "/shared")[1].write(ORDER, tmp_path / name)
        archives.append((tmp_path / name).read_bytes())
        next((tmp_path / "tasks").rglob("train.jsonl")).touch()
    assert archives[0] == archives[1]
    with next((tmp_path / "tasks").rglob("train.jsonl")).open("a") as rows:
        rows.write('{"sentence1": "good", "label": 1}\n')
    assert pack(sweep, "/shared")[1].digest != Parcel(pack(sweep, "/shared")[1].text + "\n").digest
    pack(sweep, "/shared")[1].write(ORDER, tmp_path / "c.zip")
    assert (tmp_path / "c.zip").read_bytes() != archives[0]


def test_folders_of_the_cluster_stay_where_they_are(
    toy_sweep: Callable[..., Path], toy_base: Path, tmp_path: Path
) -> None:
    sweep = toy_sweep()
    _, in_workspace = pack(sweep, str(tmp_path / "tasks"))
    assert str(tmp_path / "tasks" / "one") in in_workspace.text
    assert list(in_workspace.folders.values()) == [toy_base]
    sweep.write_text(sweep.read_text().replace(str(toy_base), "/nowhere/on/this/machine"))
    assert "folder:/nowhere/on/this/machine" in pack(sweep, "/shared")[1].text


def test_a_relative_folder_that_is_not_there_is_said(toy_sweep: Callable[..., Path]) -> None:
    sweep = toy_sweep()
    text = sweep.read_text()
    line = text[: text.index("/two")].count("\n") + 1
    sweep.write_text(text.replace(f'folder: "{sweep.parent}/tasks/two"', "folder: tasks/zwei"))
    with pytest.raises(SpecError, match=rf":{line}: tasks.two.folder: expected a folder to send"):
        pack(sweep, "/shared")
    sweep.write_text(text.replace(f'folder: "{sweep.parent}/tasks/two"', "folder: tasks/two"))
    assert len(pack(sweep, "/shared")[1].folders) == 4


def test_too_much_is_refused_with_what_to_do(
    toy_sweep: Callable[..., Path], toy_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 50_000)
    with pytest.raises(SchedulingError, match=rf"largest is {toy_base} .* give that path in the"):
        pack(toy_sweep(), "/shared")


def test_a_folder_that_did_not_arrive_whole_is_refused(
    toy_sweep: Callable[..., Path], tmp_path: Path
) -> None:
    here = arrived(pack(toy_sweep(), "/shared")[1], tmp_path / "there")
    next((here / "folders").rglob("train.jsonl")).write_text("")
    with pytest.raises(SchedulingError, match="submit again"):
        unpack(here, Workspace(tmp_path / "workspace"), ORDER)
