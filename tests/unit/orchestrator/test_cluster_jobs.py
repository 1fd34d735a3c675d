"""A cluster that is named is the one that is asked."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import ray

from orchestrator.errors import SchedulingError
from orchestrator.running.cluster_jobs import ClusterJobs


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
