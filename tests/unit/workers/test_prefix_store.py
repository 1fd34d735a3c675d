"""Arrays on disk: whole or not there, checked, bounded, and shared by processes."""

import json
import logging
import multiprocessing
import os
import shutil
import signal
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.prefix.store import ArrayStore

FLOAT32 = np.dtype(np.float32)
SHAPE = (1, 64, 64)
BYTES = 64 * 64 * 4


def fill(value: float) -> Any:
    def put(arrays: Mapping[str, NDArray[Any]]) -> None:
        for array in arrays.values():
            array[:] = value

    return put


def store(folder: Path, entries: int = 10) -> ArrayStore:
    return ArrayStore(folder, budget=entries * BYTES + 2048)  # and their headers


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert store(tmp_path).read("a") is None
    assert store(tmp_path).write({"a": SHAPE, "b": SHAPE}, FLOAT32, fill(3.0))
    for name in "ab":
        found = store(tmp_path).read(name)
        assert found is not None
        assert np.array_equal(found, np.full(SHAPE, 3.0, np.float32))
    assert store(tmp_path).size > 2 * BYTES


def test_a_reader_cannot_change_an_entry(tmp_path: Path) -> None:
    store(tmp_path).write({"a": SHAPE}, FLOAT32, fill(3.0))
    found = store(tmp_path).read("a")
    assert found is not None
    found[:] = 4.0
    again = store(tmp_path).read("a")
    assert again is not None
    assert again.max() == 3.0


@pytest.mark.parametrize("damage", ["flipped", "cut", "no note", "unreadable note"])
def test_damage_is_noticed_and_the_entry_dropped(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store(tmp_path).write({"a": SHAPE}, FLOAT32, fill(3.0))
    data, note = tmp_path / "a.npy", tmp_path / "a.json"
    content = bytearray(data.read_bytes())
    match damage:
        case "flipped":
            content[-3] ^= 1
            data.write_bytes(content)
        case "cut":
            data.write_bytes(content[:-8])
        case "no note":
            note.unlink()
        case _:
            note.write_text("{")
    with caplog.at_level(logging.WARNING):
        assert store(tmp_path).read("a") is None
    assert bool(caplog.records) == (damage != "no note")
    assert store(tmp_path).write({"a": SHAPE}, FLOAT32, fill(5.0))
    found = store(tmp_path).read("a")
    assert found is not None
    assert found.max() == 5.0


def test_no_flipped_bit_of_header_or_note_is_read_as_another_array(tmp_path: Path) -> None:
    """numpy's header decides type, order and shape, and is written in Python's syntax."""
    small, wanted = store(tmp_path), np.arange(24, dtype=np.float32).reshape(1, 4, 6)
    assert small.write({"a": wanted.shape}, FLOAT32, lambda a: np.copyto(a["a"], wanted))
    whole = {path: path.read_bytes() for path in (tmp_path / "a.npy", tmp_path / "a.json")}
    headers = {path: min(len(content), 128) for path, content in whole.items()}
    damaged = [
        (path, bytes([*content[:i], content[i] ^ 1 << bit, *content[i + 1 :]]))
        for path, content in whole.items()
        for i in range(headers[path])
        for bit in range(8)
    ]
    damaged += [(path, whole[path][:cut]) for path, size in headers.items() for cut in range(size)]
    damaged += [(tmp_path / "a.json", text) for text in (b"3", b"[]", b"{}", b"null", b"\xff\xfe")]
    logging.disable(logging.WARNING)
    try:
        for damage, content in damaged:
            for path, before in whole.items():
                path.write_bytes(content if path == damage else before)
            found = small.read("a")
            if found is None:
                assert list(tmp_path.iterdir()) == [], "what is damaged goes"
                continue
            assert found.dtype == wanted.dtype
            assert np.array_equal(found, wanted)
    finally:
        logging.disable(logging.NOTSET)
    assert len(damaged) > 1500


def test_an_array_of_another_shape_or_type_than_was_noted_is_dropped(tmp_path: Path) -> None:
    for other in (np.zeros((1, 64, 32), np.float32), np.zeros(SHAPE, np.float16)):
        assert store(tmp_path).write({"a": SHAPE}, FLOAT32, fill(3.0))
        np.save(tmp_path / "a.npy", other)
        note = json.loads((tmp_path / "a.json").read_text())
        crc32 = zlib.crc32((tmp_path / "a.npy").read_bytes())
        (tmp_path / "a.json").write_text(json.dumps(note | {"crc32": crc32}))
        assert store(tmp_path).read("a") is None


def test_the_one_not_used_longest_makes_room(tmp_path: Path) -> None:
    kept = store(tmp_path, entries=4)
    for age, name in enumerate("abc"):
        kept.write({name: SHAPE}, FLOAT32, fill(1.0))
        os.utime(tmp_path / f"{name}.json", (time.time() - 100 + age,) * 2)
    used = kept.read("a")
    assert used is not None
    assert kept.write({"d": (2, 64, 64)}, FLOAT32, fill(1.0))
    assert [kept.read(name) is not None for name in "abcd"] == [True, False, True, True]
    assert kept.size <= kept.budget
    assert used.max() == 1.0


def test_nothing_larger_than_the_budget_is_kept(tmp_path: Path) -> None:
    small = store(tmp_path, entries=1)
    assert small.write({"a": SHAPE}, FLOAT32, fill(1.0))
    assert not small.write({"b": (2, 64, 64)}, FLOAT32, fill(1.0))
    assert small.read("a") is not None


def test_at_most_half_of_the_free_disk_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store(tmp_path)
    assert kept.write({"a": SHAPE}, FLOAT32, fill(1.0))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=BYTES))
    assert not kept.write({"b": (4, 64, 64)}, FLOAT32, fill(1.0))
    assert kept.read("a") is not None, "nothing goes where that would not do"
    assert kept.write({"c": SHAPE}, FLOAT32, fill(1.0))
    assert kept.read("a") is None


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(_: Mapping[str, NDArray[Any]]) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        store(tmp_path).write({"a": SHAPE}, FLOAT32, fails)
    assert store(tmp_path).read("a") is None
    assert list(tmp_path.iterdir()) == []


def _write_until_killed(folder: str) -> None:
    def stop(arrays: Mapping[str, NDArray[Any]]) -> None:
        arrays["a"][:] = 1.0
        os.kill(os.getpid(), signal.SIGKILL)

    found = store(Path(folder))
    with found.locked("group"):
        found.write({"a": SHAPE}, FLOAT32, stop)


def _write_often(folder: str, value: float) -> None:
    for _ in range(50):
        store(Path(folder)).write({"a": SHAPE}, FLOAT32, fill(value))
        found = store(Path(folder)).read("a")
        if found is not None and len(np.unique(found)) != 1:
            raise SystemExit("a mixed entry")


def test_a_writer_killed_on_the_way_leaves_no_entry_and_no_lock(tmp_path: Path) -> None:
    writer = multiprocessing.get_context("spawn").Process(
        target=_write_until_killed, args=(str(tmp_path),)
    )
    writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    left = store(tmp_path)
    assert left.read("a") is None
    (part,) = tmp_path.glob(".a.npy.*")
    os.utime(part, (time.time() - 7200,) * 2)
    with left.locked("group"):
        assert left.write({"a": SHAPE}, FLOAT32, fill(2.0))
    assert not part.exists()
    assert left.read("a") is not None


def test_two_writers_of_one_entry_never_mix(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_write_often, args=(str(tmp_path), value)) for value in (1.0, 2.0)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
