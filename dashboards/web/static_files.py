"""The few files that pages load: style, script and Vega, from memory, compressed once."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from dashboards.web.palette_style import palette_style

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_GENERATED = {"palette.css": palette_style}


@cache
def _content(name: str) -> tuple[bytes, bytes, str] | None:
    """Return a file's content, plain and compressed, and its digest; None if there is none."""
    if name in _GENERATED:
        plain = _GENERATED[name]().encode()
    elif name in {path.name for path in _FOLDER.iterdir()}:
        plain = (_FOLDER / name).read_bytes()
    else:
        return None
    return plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:16]


def address(name: str) -> str:
    """Return the address of a file: another one whenever its content is."""
    found = _content(name)
    assert found is not None, name
    return f"/static/{name}?v={found[2]}"


def serve(request: Request) -> Response | None:
    """Answer with a file, which a browser may keep for good under its address."""
    name = request.path_params["name"]
    found = _content(name)
    if found is None:
        return None
    plain, packed, digest = found
    wanted = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "ETag": f'"{digest}"',
        "Vary": "Accept-Encoding",
    }
    if wanted:
        headers["Content-Encoding"] = "gzip"
    return Response(
        packed if wanted else plain, headers=headers, media_type=_TYPES[Path(name).suffix]
    )
