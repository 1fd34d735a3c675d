"""Start the pages: where they listen, who may look, and what is said of it."""

import ipaddress
import logging
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from dashboards.errors import DashboardError
from dashboards.web.access import Access
from dashboards.web.application import application
from dashboards.web.site import Site
from orchestrator.catalog.catalog import Catalog
from orchestrator.stores import Stores

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Listening:
    """Where pages are served.

    Attributes:
        token: what visitors must show; None for none, which loopback alone allows.
    """

    host: str = "127.0.0.1"
    port: int = 8050
    token: str | None = None

    @property
    def is_local(self) -> bool:
        if self.host in LOOPBACK:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"


def read_token(path: Path) -> str:
    """Return the token that a file holds.

    Raises:
        DashboardError: others can read the file, or it holds no token.
    """
    try:
        others = path.stat().st_mode & 0o077
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DashboardError(f"--token-file: cannot read {path}: {error}") from error
    if others:
        raise DashboardError(
            f"--token-file: expected a file that only you can read, found {path} open to others; "
            f"chmod 600 {path}"
        )
    return token


def access_for(listening: Listening) -> Access:
    """Return what a visitor must show.

    Raises:
        DashboardError: a token that is too short to be one.
    """
    token = listening.token
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise DashboardError(
            f"expected a token of at least {SHORTEST_TOKEN} characters, found {len(token)}; "
            "`python -c 'import secrets; print(secrets.token_urlsafe())'` makes one"
        )
    if listening.is_local:
        return Access(token, hosts=(*LOOPBACK, listening.host.lower()))
    return Access(token or secrets.token_urlsafe(24))


def serve(stores: Stores, listening: Listening, say: logging.Logger) -> None:
    """Serve the pages until Ctrl-C.

    Raises:
        DashboardError: the port is taken, or the address is none of this machine's.
        CatalogError: there is no catalog, or none of this version.
    """
    access = access_for(listening)
    with Catalog.open(stores.catalog_url, create=False, read_only=True) as catalog:
        made = application(Site(catalog, stores), access)
        listener = _listen(listening)
        _announce(listening, access, say)
        config = uvicorn.Config(
            made,
            access_log=False,  # addresses hold what people look for
            log_level="warning",
            lifespan="off",
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listen(listening: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((listening.host, listening.port))
    except OSError as error:
        listener.close()
        raise DashboardError(
            f"cannot listen on {listening.host}:{listening.port}: {error.strerror or error}; give "
            "another --port or --host"
        ) from error
    return listener


def _announce(listening: Listening, access: Access, say: logging.Logger) -> None:
    say.info("The dashboard is at %s until Ctrl-C", listening.address)
    if access.token is None:
        return
    if listening.token is None:
        # After the #, which browsers never send, so that no log on the way holds it.
        say.info("Open %s#token=%s", listening.address, access.token)
    else:
        say.info("It asks for the token that you gave")
