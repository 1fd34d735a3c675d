"""Addresses of workspaces: which are URLs of object storage, and how they are written."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from workers.contract.redaction import redacted
from workers.errors import StorageError

SCHEMES = ("s3", "gs", "memory")
_URL = re.compile(rf"(?P<scheme>{'|'.join(SCHEMES)}):/{{1,2}}(?!/)(?P<place>.*)", re.DOTALL)
_OTHER_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def workspace_address(given: str | Path) -> str:
    """Return a workspace's address: the URL of object storage, or the path of a folder.

    What passed through a `Path`, as options of the command line do, has lost a slash of its URL.

    Raises:
        StorageError: it is a URL of something else.
    """
    text = str(given)
    found = _URL.fullmatch(text)
    if found is not None:
        return f"{found['scheme']}://{found['place'].rstrip('/')}"
    if text.startswith("file:/"):
        return unquote(urlsplit(text).path)
    if _OTHER_URL.match(text):
        raise StorageError(
            f"expected a folder that every node sees, or the URL of object storage "
            f"({', '.join(f'{s}://' for s in SCHEMES[:-1])}), found {redacted(text)}"
        )
    return text


def is_url(address: str) -> bool:
    """Tell whether an address is the URL of object storage, as `workspace_address` returns it."""
    return any(address.startswith(f"{scheme}://") for scheme in SCHEMES)
