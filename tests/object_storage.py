"""A real S3-compatible storage for tests, and a proxy that gets in the way of its clients."""

import http.client
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.ports import free_ports

ROOT = Path(__file__).parents[1]
START = ROOT / "docker" / "start" / "object-storage.sh"
PORTS = tuple(part + protocol for protocol in (0, 10_000) for part in range(4))
"""Which ports the start script takes, as distances to that of S3."""
KEYS = {
    "AWS_ACCESS_KEY_ID": "adaptersweep",
    "AWS_SECRET_ACCESS_KEY": "a key of tests",
    "AWS_REGION": "us-east-1",
}
READY_LIMIT_S = 60.0


class Fault(StrEnum):
    """What the proxy does instead of passing on a request and its answer."""

    ERROR_500 = "answers 500"
    ERROR_503 = "answers 503"
    CUT_BEFORE = "ends the connection before the request is passed on"
    CUT_AFTER = "passes the request on, and ends the connection before its answer"
    CUT_BODY = "ends the connection in the middle of the answer's body"
    FLIPPED = "changes a byte of the answer's body"
    SLOW = "waits for a second"


class FaultyProxy:
    """Stands before a storage; each request meets a fault with some probability.

    Attributes:
        share: the probability.
        faults: which there are.
        seen: how often each was met; how often none, under None.
        down: whether every connection is ended at once.
        forced: faults for the next requests of a method, before chance decides.
    """

    def __init__(self, upstream: str, *, seed: int = 0) -> None:
        self.share = 0.0
        self.faults = tuple(Fault)
        self.seen: Counter[Fault | None] = Counter()
        self.down = False
        self.forced: list[tuple[str, Fault]] = []
        self._upstream = upstream
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return lambda: proxy.serve(self)
                raise AttributeError(name)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _draw(self, method: str) -> Fault | None:
        with self._lock:
            for forced in self.forced:
                if forced[0] == method:
                    self.forced.remove(forced)
                    fault: Fault | None = forced[1]
                    break
            else:
                met = self._chance.random() < self.share
                fault = self._chance.choice(self.faults) if met else None
            self.seen[fault] += 1
            return fault

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Pass a request on, or not."""
        length = int(request.headers.get("Content-Length") or 0)
        content = request.rfile.read(length)
        fault = self._draw(request.command)
        if self.down or fault is Fault.CUT_BEFORE:
            _cut(request)
            return
        if fault in (Fault.ERROR_500, Fault.ERROR_503):
            code = 500 if fault is Fault.ERROR_500 else 503
            request.send_response(code)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if fault is Fault.SLOW:
            time.sleep(1)
        upstream = http.client.HTTPConnection(self._upstream, timeout=30)
        try:
            upstream.request(request.command, request.path, content, dict(request.headers))
            answer = upstream.getresponse()
            body = answer.read()
        except OSError:
            _cut(request)
            return
        finally:
            upstream.close()
        if fault is Fault.CUT_AFTER:
            _cut(request)
            return
        with suppress(ConnectionError):  # of a client that has read enough
            _pass_back(request, answer, body, fault)


def _pass_back(
    request: BaseHTTPRequestHandler,
    answer: http.client.HTTPResponse,
    body: bytes,
    fault: Fault | None,
) -> None:
    request.send_response_only(answer.status, answer.reason)
    for name, value in answer.getheaders():
        if name.lower() not in ("connection", "transfer-encoding", "content-length"):
            request.send_header(name, value)
    whole = answer.headers.get("Content-Length") if request.command == "HEAD" else None
    request.send_header("Content-Length", whole or str(len(body)))
    request.end_headers()
    if fault is Fault.FLIPPED and body and request.command == "GET" and b"<?xml" not in body[:5]:
        body = body[:-1] + bytes([body[-1] ^ 1])
    if fault is Fault.CUT_BODY and body:
        request.wfile.write(body[: len(body) // 2])
        request.wfile.flush()
        _cut(request)
        return
    request.wfile.write(body)


def _cut(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    with suppress(OSError):
        request.connection.shutdown(socket.SHUT_RDWR)


def storage_environment(folder: Path) -> tuple[str, dict[str, str]]:
    """Return a free HOST:PORT of S3, and what the start script needs to serve `folder` there.

    Args:
        folder: of a short name, for a socket's is made of it.
    """
    address = f"127.0.0.1:{free_ports(PORTS)}"
    (folder / "secrets").mkdir()
    (folder / "secrets" / "s3").write_text(KEYS["AWS_SECRET_ACCESS_KEY"])
    return address, {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "S3_ADDRESS": address,
        "STATE": str(folder),
        "SECRETS": str(folder / "secrets"),
    }


@contextmanager
def seaweedfs(folder: Path) -> Iterator[str]:
    """Start SeaweedFS by the cluster's own start script; give HOST:PORT of its S3."""
    folder.mkdir(parents=True, exist_ok=True)
    data = tempfile.mkdtemp(prefix="weed-", dir="/tmp")
    address, environment = storage_environment(Path(data))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["sh", str(START)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + READY_LIMIT_S
        while not answers(address):
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield address
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(data, ignore_errors=True)


def answers(address: str) -> bool:
    """Tell whether an S3 answers at HOST:PORT."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status in (200, 403)
    except OSError:
        return False
    finally:
        connection.close()
