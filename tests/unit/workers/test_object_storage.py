"""Objects are read as they were written; faults of the storage cost time alone."""

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from tests.object_storage import KEYS, Fault, FaultyProxy, seaweedfs
from workers.contract.storage.object_storage import ObjectStorage, at_once
from workers.errors import DamagedObjectError, StorageError

LARGE = bytes(range(256)) * 70_000
"""More than two parts."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyProxy]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as address:
        made = FaultyProxy(address)
        yield made
        made.close()


@pytest.fixture
def s3(
    proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[ObjectStorage]:
    for name, value in (KEYS | {"AWS_ENDPOINT_URL": proxy.url}).items():
        monkeypatch.setenv(name, value)
    ObjectStorage.open("s3://sweeps").write("makes the bucket", b"")
    yield ObjectStorage.open(f"s3://sweeps/{request.node.name}/deep").patient(60)
    proxy.share, proxy.down = 0.0, False
    proxy.forced.clear()
    proxy.seen.clear()


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> ObjectStorage:
    return ObjectStorage.open(f"memory://{request.node.name}/deep").patient(1)


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest) -> ObjectStorage:
    found: ObjectStorage = request.getfixturevalue(request.param)
    return found


def test_what_is_written_is_read_listed_and_deleted(storage: ObjectStorage, tmp_path: Path) -> None:
    assert storage.names() == []
    storage.write("a", b"one")
    storage.write("a", b"two")
    storage.write("folder/b c@d", b"")
    file = tmp_path / "large"
    file.write_bytes(LARGE)
    storage.send("folder/large", file, hashlib.sha256(LARGE).hexdigest())
    assert storage.names() == ["a", "folder/b c@d", "folder/large"]
    assert storage.names("folder") == ["folder/b c@d", "folder/large"]
    assert storage.names("fold") == [], "a prefix ends where a folder's name does"
    assert (storage.read("a"), storage.read("folder/b c@d")) == (b"two", b"")
    assert storage.below("folder").read("large") == LARGE
    storage.fetch("folder/large", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == LARGE
    assert storage.exists("a")
    storage.delete(["a", "folder/large", "never there"])
    assert storage.names() == ["folder/b c@d"]
    assert not storage.exists("a")
    with pytest.raises(FileNotFoundError):
        storage.read("a")
    with pytest.raises(FileNotFoundError):
        storage.fetch("a", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_of_many_that_create_one_object_one_succeeds(storage: ObjectStorage) -> None:
    contents = [f"attempt {n}".encode() for n in range(12)]
    ready = threading.Barrier(len(contents))

    def create(content: bytes) -> bool:
        ready.wait()
        return storage.create("result.json", content)

    done = at_once(create, contents)
    assert done.count(True) == 1
    assert storage.read("result.json") == contents[done.index(True)]
    assert storage.create("result.json", contents[done.index(True)]), "the same is there already"


def test_another_content_under_the_same_checksum_is_refused(memory: ObjectStorage) -> None:
    digest = hashlib.sha256(b"meant").hexdigest()
    obstore.put(memory.store, "deep/a", b"other", attributes={"sha256": digest})
    with pytest.raises(DamagedObjectError, match=r"deep/a is damaged: expected SHA-256"):
        memory.read("a")
    assert not memory.create("a", b"meant")
    obstore.put(memory.store, "deep/b", b"copied by a tool that keeps no attributes")
    assert memory.read("b").startswith(b"copied")


@pytest.mark.slow
@pytest.mark.parametrize("fault", Fault)
def test_one_fault_at_a_time_costs_time_alone(
    s3: ObjectStorage, proxy: FaultyProxy, fault: Fault, tmp_path: Path
) -> None:
    """Also where the first try has succeeded and its answer is lost."""
    proxy.forced += [("PUT", fault)]
    assert s3.create("created", b"mine"), "an answer that was lost is made up for"
    proxy.forced += [("PUT", fault)]
    s3.write("written", b"content")
    proxy.forced += [("GET", fault)]
    assert s3.read("written") == b"content"
    file = tmp_path / "large"
    file.write_bytes(LARGE)
    for method in ("POST", "PUT", "PUT"):
        proxy.forced += [(method, fault)]
    s3.send("large", file, hashlib.sha256(LARGE).hexdigest())
    proxy.forced += [("GET", fault)] * 2
    s3.fetch("large", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == LARGE
    proxy.forced += [("GET", fault)]
    assert s3.names() == ["created", "large", "written"]
    proxy.forced += [("POST", fault)]
    s3.delete(["large"])
    assert s3.names() == ["created", "written"]
    assert proxy.forced == []
    assert proxy.seen[fault] == 10


@pytest.mark.slow
def test_under_many_faults_nothing_is_lost_or_written_twice(
    s3: ObjectStorage, proxy: FaultyProxy
) -> None:
    proxy.share = 0.25
    proxy.faults = tuple(f for f in Fault if f is not Fault.SLOW)
    names = [f"n{n:03d}" for n in range(60)]
    assert all(at_once(lambda name: s3.create(name, name.encode()), names))
    assert not any(at_once(lambda name: s3.create(name, b"other"), names))
    assert at_once(s3.read, names) == [name.encode() for name in names]
    assert s3.names() == names
    s3.delete(names)
    assert s3.names() == []
    assert sum(proxy.seen[f] for f in Fault) > 30, "faults were met"


@pytest.mark.slow
def test_a_storage_that_is_down_is_waited_for_and_then_given_up(
    s3: ObjectStorage, proxy: FaultyProxy
) -> None:
    s3.write("a", b"one")
    proxy.down = True
    back = threading.Timer(3, lambda: setattr(proxy, "down", False))
    back.start()
    assert s3.read("a") == b"one"
    proxy.down = True
    began = time.monotonic()
    with pytest.raises(StorageError, match="cannot write s3://sweeps/") as raised:
        s3.patient(2).write("a", b"two")
    assert time.monotonic() - began < 20
    assert not raised.value.final
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_wrong_keys_are_said_at_once_and_not_shown(
    s3: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2-correct-horse")
    wrong = ObjectStorage.open(s3.url)
    began = time.monotonic()
    with pytest.raises(StorageError, match=r"SignatureDoesNotMatch: .*check the keys") as raised:
        wrong.write("a", b"")
    assert time.monotonic() - began < 10
    assert raised.value.final
    assert "hunter2" not in str(raised.value)
    assert KEYS["AWS_ACCESS_KEY_ID"] not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://bucket/x", "expected a folder, or the URL of object storage"),
        ("s3://", "expected s3://BUCKET/PREFIX"),
        ("s3://key:hunter2-correct@bucket/x", "taken from the environment alone"),
        ("s3://bucket/x?secret=hunter2-correct", "taken from the environment alone"),
    ],
)
def test_other_addresses_are_refused_without_their_secrets(url: str, said: str) -> None:
    with pytest.raises(StorageError, match=said) as raised:
        ObjectStorage.open(url)
    assert "hunter2" not in str(raised.value)
