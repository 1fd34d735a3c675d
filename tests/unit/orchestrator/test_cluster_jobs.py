"""A cluster that is named is the one that is asked, and a job is followed through bad lines."""

import asyncio
import json
import logging
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import ray
from aiohttp import web

from orchestrator.errors import SchedulingError
from orchestrator.running import cluster_jobs
from orchestrator.running.cluster_jobs import ClusterJobs

# Ray's client opens its connection so.
pytestmark = pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")


class Head(BaseHTTPRequestHandler):
    """Answers as the dashboard of a head node on which no job was ever started."""

    def do_GET(self) -> None:
        version = {"version": "4", "ray_version": ray.__version__, "ray_commit": ""}
        answers = {"/api/version": version, "/api/jobs/": []}
        body = json.dumps(answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def head() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Head) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("variable", ["RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"])
def test_an_address_in_the_environment_does_not_replace_the_named_cluster(
    head: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "http://127.0.0.1:9"
    monkeypatch.setenv(variable, elsewhere)
    assert ClusterJobs(head).running("toy", "0" * 64) is None
    with pytest.raises(SchedulingError, match="cannot use the Ray cluster"):
        ClusterJobs(elsewhere)
    assert os.environ[variable] == elsewhere, "what is started later may need it"


PRINTED = ("one\n", "two\n", "three\n")


class BadLine:
    """A head node with one job, over a line on which the first connections fail, each its way.

    Attributes:
        ways: how the connections to the job's output go, in turn; the last is for all later ones.
    """

    def __init__(self, *ways: str) -> None:
        self.ways = list(ways)
        self.url = ""
        self._ended = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> "BadLine":
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/api/jobs/toy-1", self._job)
        app.router.add_get("/api/jobs/toy-1/logs/tail", self._tail)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _version(self, request: web.Request) -> web.Response:
        version = {"version": "4", "ray_version": ray.__version__, "ray_commit": ""}
        return web.json_response(version)

    async def _job(self, request: web.Request) -> web.Response:
        status = "SUCCEEDED" if self._ended else "RUNNING"
        job = {"type": "SUBMISSION", "submission_id": "toy-1", "status": status, "entrypoint": "x"}
        return web.json_response(job)

    async def _tail(self, request: web.Request) -> web.StreamResponse:
        way = self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]
        assert request.transport is not None
        if way == "cut at once":
            request.transport.abort()
            return web.Response()
        if way == "refused on the way":
            return web.Response(status=502)
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        for text in PRINTED[: 2 if way != "whole" else None]:
            await answer.send_str(text)
        if way == "cut later":
            request.transport.abort()
        if way == "silent":
            await self._stop.wait()
        self._ended = way == "whole"
        return answer


@pytest.mark.parametrize("way", ["cut at once", "refused on the way", "cut later", "silent"])
def test_a_job_is_followed_to_its_end_over_a_bad_line_and_printed_once(
    way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cluster_jobs, "AGAIN_S", 0.01)
    monkeypatch.setattr(cluster_jobs, "SILENCE_LIMIT_S", 0.5)
    printed: list[str] = []
    with BadLine(way, way, "whole") as line, caplog.at_level(logging.WARNING):
        assert ClusterJobs(line.url).follow("toy-1", printed.append) == 0
    assert "".join(printed) == "".join(PRINTED)
    assert ("trying again" in caplog.text) == (way != "silent")


def test_who_has_followed_for_long_still_has_the_whole_time_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit counts from the last word of the cluster, not from the first connection."""
    monkeypatch.setattr(cluster_jobs, "AGAIN_S", 0.01)
    monkeypatch.setattr(cluster_jobs, "UNREACHED_LIMIT_S", 1.0)
    printed: list[str] = []

    def slowly(text: str) -> None:
        if not printed:
            threading.Event().wait(1.5)
        printed.append(text)

    with BadLine("cut later", *["cut at once"] * 5, "whole") as line:
        assert ClusterJobs(line.url).follow("toy-1", slowly) == 0


def test_a_cluster_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_jobs, "AGAIN_S", 0.01)
    monkeypatch.setattr(cluster_jobs, "UNREACHED_LIMIT_S", 0.5)
    with BadLine("cut at once") as line:
        jobs = ClusterJobs(line.url)
        with pytest.raises(SchedulingError, match="cannot use the Ray cluster"):
            jobs.follow("toy-1", print)
