"""Objects below one URL: read with their checksums, written whole, or only where none is yet.

Every call waits for a storage that is slow, down or cuts connections, for a while, and says then
what it was told. What the objects are is left to `workers.contract.storage.trial_files`.
"""

import hashlib
import logging
import random
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import MemoryStore, from_url

from workers.contract.redaction import redacted
from workers.contract.storage.addresses import SCHEMES, is_url
from workers.contract.storage.credentials import connection_settings
from workers.errors import DamagedObjectError, StorageError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = logging.getLogger(__name__)

PATIENCE_S = 300.0
"""For how long a call tries again before it gives up."""
_LONGEST_PAUSE_S = 10.0
_REQUEST_LIMIT_S = 30.0
_CONNECT_LIMIT_S = 10.0
_PART_BYTES = 8 * 2**20
_READS = 4
"""How often what differs from its checksum is read before it is called damaged."""
_AT_ONCE = 16
_SHA256 = "sha256"
_NO_BUCKET = "NoSuchBucket"
_REFUSED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_REQUEST = re.compile(r"performing (?P<request>[A-Z]+ \S+) in .*? - (?P<why>[^\n]*)", re.DOTALL)
_REASON = re.compile(r"<Code>(?P<code>[^<]*)</Code>\s*(?:<Message>(?P<message>[^<]*)</Message>)?")
_Found = TypeVar("_Found")
_Item = TypeVar("_Item")

_memory: dict[str, MemoryStore] = {}


@dataclass(frozen=True)
class ObjectStorage:
    """The objects whose names begin with a prefix; names are relative to it.

    Attributes:
        url: of the prefix, without secrets.
        patience_s: for how long a call tries again before it gives up, seconds.
    """

    url: str
    prefix: str
    store: "ObjectStore" = field(compare=False, repr=False)
    patience_s: float = PATIENCE_S

    @classmethod
    def open(cls, url: str) -> "ObjectStorage":
        """Return the storage at a URL such as s3://BUCKET/PREFIX, without asking it anything.

        Raises:
            StorageError: it is no such URL, or it holds a password.
        """
        if not is_url(url):
            raise StorageError(
                f"expected a folder, or the URL of object storage ({', '.join(SCHEMES)}), found "
                f"{redacted(url)}; such as s3://BUCKET/PREFIX"
            )
        scheme, _, place = url.partition("://")
        parts = [part for part in place.split("/") if part]
        if not parts:
            raise StorageError(f"expected {scheme}://BUCKET/PREFIX, found {redacted(url)}")
        bucket, prefix = parts[0], "/".join(parts[1:])
        if "@" in url or "?" in url:
            raise StorageError(
                f"found more than a bucket and a prefix in {redacted(url)}: keys of the storage "
                "are taken from the environment alone, see docs/security.md"
            )
        root = f"{scheme}://{bucket}"
        return cls(f"{root}/{prefix}".rstrip("/"), prefix, _connected(scheme, root))

    def below(self, prefix: str) -> "ObjectStorage":
        """Return the objects whose names begin with a further prefix."""
        joined = f"{self.prefix}/{prefix}".lstrip("/")
        return ObjectStorage(f"{self.url}/{prefix}", joined, self.store, self.patience_s)

    def patient(self, patience_s: float) -> "ObjectStorage":
        """Return the same objects, with another patience."""
        return ObjectStorage(self.url, self.prefix, self.store, patience_s)

    def read(self, name: str) -> bytes:
        """Return an object's content.

        Raises:
            FileNotFoundError: there is none of this name.
            DamagedObjectError: it differs from the checksum that was written with it.
            StorageError: the storage does not answer, or refuses.
        """
        return self._checked(name, lambda: self._read(name))

    def fetch(self, name: str, to: Path) -> None:
        """Write an object's content to a file, in parts; as `read` for the rest."""

        def once() -> tuple[str, str | None]:
            with to.open("wb") as file:
                return self._read_into(name, file.write)

        try:
            self._checked(name, lambda: (b"", *once()))
        except BaseException:
            to.unlink(missing_ok=True)
            raise

    def _checked(self, name: str, read: Callable[[], tuple[bytes, str, str | None]]) -> bytes:
        for _ in range(_READS):
            content, found, expected = self._patiently("read", name, read)
            if expected is None or expected == found:
                return content
            log.warning("%s/%s differs from its checksum; it is read again", self.url, name)
        raise DamagedObjectError(
            f"{self.url}/{name} is damaged: expected SHA-256 {expected}, found {found}"
        )

    def _read(self, name: str) -> tuple[bytes, str, str | None]:
        parts: list[bytes] = []
        found, expected = self._read_into(name, parts.append)
        return b"".join(parts), found, expected

    def _read_into(self, name: str, write: Callable[[bytes], Any]) -> tuple[str, str | None]:
        """Pass an object on in parts, and return its SHA-256 as it is and as it was written."""
        key, digest = self._key(name), hashlib.sha256()
        first = obstore.get(self.store, key)
        size, expected = first.meta["size"], first.attributes.get(_SHA256)
        read = 0
        for start in range(0, size, _PART_BYTES):
            length = min(_PART_BYTES, size - start)
            whole = length == size
            part = bytes(
                first.bytes()
                if whole
                else obstore.get_range(self.store, key, start=start, length=length)
            )
            read += len(part)
            digest.update(part)
            write(part)
        if read != size:
            raise OSError(f"expected {size} bytes, got {read}")
        return digest.hexdigest(), expected

    def write(self, name: str, content: bytes) -> None:
        """Write an object, whichever there was.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        attributes = {_SHA256: hashlib.sha256(content).hexdigest()}
        key = self._key(name)
        self._patiently(
            "write", name, lambda: obstore.put(self.store, key, content, attributes=attributes)
        )

    def send(self, name: str, file: Path, sha256: str) -> None:
        """Write a file's content as one object, whichever there was.

        Args:
            sha256: of the content, which goes with it.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        key, attributes = self._key(name), {_SHA256: sha256}
        self._patiently(
            "write", name, lambda: obstore.put(self.store, key, file, attributes=attributes)
        )

    def create(self, name: str, content: bytes) -> bool:
        """Write an object unless there is one of this name; return whether this one is there now.

        Of several that try at once, one succeeds. An answer that was lost on its way is made up
        for: what is there is compared.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        attributes = {_SHA256: hashlib.sha256(content).hexdigest()}
        key = self._key(name)
        put = lambda: obstore.put(  # noqa: E731
            self.store, key, content, attributes=attributes, mode="create"
        )
        try:
            self._patiently("write", name, put)
        except AlreadyExistsError:
            try:
                return self.read(name) == content
            except (FileNotFoundError, DamagedObjectError):
                return False
        return True

    def exists(self, name: str) -> bool:
        """Tell whether there is an object of this name.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        try:
            self._patiently("look for", name, lambda: obstore.head(self.store, self._key(name)))
        except FileNotFoundError:
            return False
        return True

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all objects below a prefix, which ends where a folder's name would.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        return sorted(self.sizes(prefix))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return name → bytes of all objects below a prefix, likewise."""
        below = self._key(prefix)
        cut = len(self.prefix) + 1 if self.prefix else 0
        return self._patiently(
            "list",
            prefix,
            lambda: {
                found["path"][cut:]: found["size"]
                for some in obstore.list(self.store, below or None)
                for found in some
            },
        )

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that are not there count as deleted.

        Raises:
            StorageError: the storage does not answer, or refuses.
        """
        listed = list(names)
        keys = [self._key(name) for name in listed]
        if keys:
            self._patiently("delete", listed[0], lambda: obstore.delete(self.store, keys))

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}".strip("/")

    def _patiently(self, doing: str, name: str, call: Callable[[], _Found]) -> _Found:
        """Call until it succeeds, fails for good, or patience is at its end."""
        until, pause_s = time.monotonic() + self.patience_s, 0.25
        while True:
            try:
                return call()
            except AlreadyExistsError:
                raise
            except FileNotFoundError as error:
                if _NO_BUCKET not in str(error):
                    raise
                raise _error(f"cannot {doing} {self.url}/{name}", error) from error
            except (BaseError, OSError, ValueError) as error:
                failure = _error(f"cannot {doing} {self.url}/{name}", error)
                if failure.final or time.monotonic() + pause_s > until:
                    raise failure from error
                log.warning("%s; it is tried again", failure)
            time.sleep(pause_s * random.uniform(0.5, 1))  # so that not all come back at once
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def at_once(call: Callable[[_Item], _Found], items: Iterable[_Item]) -> list[_Found]:
    """Call for each item, several at a time: what takes long is the way there and back."""
    listed = list(items)
    if len(listed) < 2:
        return [call(item) for item in listed]
    with ThreadPoolExecutor(min(_AT_ONCE, len(listed)), "storage") as threads:
        return list(threads.map(call, listed))


def _connected(scheme: str, root: str) -> "ObjectStore":
    if scheme == "memory":
        return _memory.setdefault(root, MemoryStore())
    limits = {
        "timeout": timedelta(seconds=_REQUEST_LIMIT_S),
        "connect_timeout": timedelta(seconds=_CONNECT_LIMIT_S),
    }
    settings = connection_settings(scheme)
    client = {**limits, **settings.pop("client_options", {})}
    retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=_REQUEST_LIMIT_S)}
    try:
        return from_url(root, client_options=client, retry_config=retries, **settings)  # type: ignore[call-overload, no-any-return]
    except (BaseError, ValueError) as error:
        raise _error(f"cannot use {root}", error) from error


def _error(what: str, error: Exception) -> StorageError:
    """Say in one line what the storage said; its answers quote keys and whole requests."""
    text = str(error)
    found, failed = _REASON.search(text), _REQUEST.search(text)
    if found is not None:
        said = f"{found['code']}: {found['message'] or ''}".rstrip(": .")
    elif failed is not None:
        said = f"{failed['why']} (of {failed['request']})"
    else:
        said = text.partition("\n")[0].strip()
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    todo = ""
    if refused or any(code in said for code in _REFUSED):
        todo = "; check the keys and rights of the storage in the environment"
    elif _NO_BUCKET in said:
        todo = "; make the bucket first, or correct its name"
    final = bool(todo) or "400 Bad Request" in text
    return StorageError(redacted(f"{what}: {said}{todo}"), final=final)
