"""The checksum of an adapter's folder: what a registry tag holds and `pull` compares."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def folder_digest(folder: Path) -> tuple[dict[str, str], str]:
    """Return each file's SHA-256 by name, and the SHA-256 over the sorted lines `SHA256  NAME`.

    The digest is what `sha256sum * | LC_ALL=C sort | sha256sum` prints in that folder.
    """
    files: dict[str, str] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as stream:
            files[path.relative_to(folder).as_posix()] = hashlib.file_digest(
                stream, "sha256"
            ).hexdigest()
    return files, listing_digest(files)


def listing_digest(files: Mapping[str, str]) -> str:
    """Return the SHA-256 over the sorted lines `SHA256  NAME` of files whose SHA-256 is known."""
    lines = sorted(f"{digest}  {name}\n" for name, digest in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
