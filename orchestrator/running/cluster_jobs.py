"""Drivers as jobs of a Ray cluster: sent through its Jobs API, followed, found again.

Besides `orchestrator.running.scheduling` the only module that imports Ray. The driver is started
there by `orchestrator.commands.job_start`; from then on it needs nobody.
"""

import asyncio
import logging
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import requests
from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient

from orchestrator.catalog.process import JOB_VARIABLE
from orchestrator.errors import SchedulingError

log = logging.getLogger(__name__)

DEFAULT_TOKEN_FILE = Path("~/.ray/auth_token")
START = "exec python -m orchestrator.commands.job_start"
UNREACHED_LIMIT_S = 600.0
"""How long a follower tries to reach a cluster again, such as after a laptop slept."""
NO_AGENT_LIMIT_S = 60.0
"""A head node that has just started answers before it can take jobs."""
SILENCE_LIMIT_S = 300.0
"""A job that prints nothing for so long is asked for over a new connection: a laptop that slept is
not told that its old one is gone."""
AGAIN_S = 2.0
_NO_AGENT = "No available agent"
_BEGIN = "adaptersweep-prints"
_ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")

_ENDED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED)
_DIGEST, _SWEEP = "adaptersweep_digest", "adaptersweep_sweep"
_REFUSED = (requests.exceptions.RequestException, aiohttp.ClientError, RuntimeError, OSError)
"""What the client raises for a server that is gone or answers with an error."""


@dataclass(frozen=True)
class Token:
    """A cluster's token, and where it was found; None for no token."""

    value: str | None
    place: str

    @classmethod
    def find(cls, file: str | None) -> "Token":
        """Find the token where Ray itself looks for it, after the file that a profile names.

        Raises:
            SchedulingError: a file that is named is not there or empty.
        """
        if file is None and (value := os.environ.get("RAY_AUTH_TOKEN")):
            return cls(value.strip(), "RAY_AUTH_TOKEN")
        named = file or os.environ.get("RAY_AUTH_TOKEN_PATH") or None  # an empty one is none
        path = Path(named).expanduser() if named else DEFAULT_TOKEN_FILE.expanduser()
        try:
            value = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            if named is None:
                return cls(None, str(DEFAULT_TOKEN_FILE))
            raise SchedulingError(
                f"expected the cluster's token in {path}: {error}; {_TOKEN_HELP}"
            ) from error
        if not value:
            raise SchedulingError(f"expected the cluster's token in {path}, found an empty file")
        return cls(value, str(path))


_TOKEN_HELP = (
    "`ray get-auth-token` prints it on the cluster's head node: write it into ~/.ray/auth_token, "
    "or into a file that RAY_AUTH_TOKEN_PATH or the profile's `token_file` names"
)


class ClusterJobs:
    """The jobs of one cluster."""

    def __init__(self, url: str, token_file: str | None = None) -> None:
        """Connect to the cluster whose dashboard is at `url`.

        Raises:
            SchedulingError: nothing answers there, or it wants another token.
        """
        for name in ("dashboard_sdk", "job.sdk"):  # they tell of each upload and connection
            logging.getLogger(f"ray.dashboard.modules.{name}").setLevel(logging.WARNING)
        self.url = url
        self._token = Token.find(token_file)
        headers = {"Authorization": f"Bearer {self._token.value}"} if self._token.value else {}
        with _no_other_address():
            self._client: Any = self._asked(lambda: JobSubmissionClient(url, headers=headers))

    def running(self, sweep: str, digest: str) -> str | None:
        """Return the job that runs just this sweep, if one does."""
        for job in self._asked(self._client.list_jobs):
            ours = job.metadata or {}
            same = ours.get(_SWEEP) == sweep and ours.get(_DIGEST) == digest
            if same and job.status not in _ENDED and job.submission_id:
                return str(job.submission_id)
        return None

    def start(self, sweep: str, digest: str, archive: Path) -> str:
        """Send an archive, start a driver on it, and return the job's id.

        Raises:
            SchedulingError: the cluster did not take it.
        """
        used = {job.submission_id for job in self._asked(self._client.list_jobs)}
        name = re.sub(r"[^\w.-]+", "-", sweep)
        ids = (f"{name}-{digest[:8]}-{n}" for n in range(1, len(used) + 2))
        job_id = next(i for i in ids if i not in used)
        job = {
            "entrypoint": f"{JOB_VARIABLE}={job_id} {START}",
            "submission_id": job_id,
            "runtime_env": {"working_dir": str(archive)},
            "metadata": {_SWEEP: sweep, _DIGEST: digest},
        }
        deadline = time.monotonic() + NO_AGENT_LIMIT_S
        while True:
            try:
                return str(self._asked(lambda: self._client.submit_job(**job)))
            except SchedulingError as error:
                if _NO_AGENT not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(2)

    def has_ended(self, job_id: str) -> bool:
        """Tell whether a job runs no more, or is not known to the cluster."""
        jobs = {job.submission_id: job for job in self._asked(self._client.list_jobs)}
        return job_id not in jobs or jobs[job_id].status in _ENDED

    def printed_by(self, words: Sequence[str]) -> str:
        """Run a command on the head node, which everybody there may see; return what it printed.

        Raises:
            SchedulingError: the cluster did not take it, or it failed.
        """
        marked = f"echo {_BEGIN}; {shlex.join(words)}"
        job_id = str(self._asked(lambda: self._client.submit_job(entrypoint=marked)))
        printed: list[str] = []
        code = self.follow(job_id, printed.append)
        self._asked(lambda: self._client.delete_job(job_id))
        said = "".join(printed).partition(f"{_BEGIN}\n")[2]  # Ray itself writes before it
        if code:
            raise SchedulingError(f"on the head node of {self.url}: {said.strip()}")
        return said

    def follow(self, job_id: str, write: Callable[[str], object]) -> int:
        """Give what a job prints to `write` until it has ended, and return its exit code.

        A cluster that cannot be reached for a while is asked again for ten minutes.

        Raises:
            SchedulingError: the job is gone, or the cluster is for longer.
        """
        output = _Output(write)
        while True:
            try:
                asyncio.run(self._tail(job_id, output))
                info = self._client.get_job_info(job_id)
            except AuthenticationError as error:
                raise self._explained(error) from error
            except _REFUSED as error:
                if time.monotonic() - output.reached > UNREACHED_LIMIT_S:
                    raise self._explained(error) from error
                log.warning("cannot follow job %s: %s; trying again", job_id, _first_line(error))
                time.sleep(AGAIN_S)
                continue
            output.reached = time.monotonic()
            if info.status in _ENDED:
                return self._exit_code(info)
            time.sleep(1)

    def wait_for_start(self, job_id: str, limit_s: float = 120.0) -> str:
        """Wait until a job runs or has ended, for so long at most, and return its status."""
        deadline = time.monotonic() + limit_s
        while True:
            status = self._asked(lambda: self._client.get_job_status(job_id))
            if status is not JobStatus.PENDING or time.monotonic() > deadline:
                return str(status.value)
            time.sleep(0.5)

    async def _tail(self, job_id: str, output: "_Output") -> None:
        """Read what a job has printed from its beginning on, until the connection ends."""
        output.begin()
        texts = self._client.tail_job_logs(job_id)
        with suppress(StopAsyncIteration, TimeoutError):
            while True:
                output.take(await asyncio.wait_for(anext(texts), SILENCE_LIMIT_S))

    def _exit_code(self, info: Any) -> int:
        if info.status is JobStatus.SUCCEEDED:
            return 0
        code = getattr(info, "driver_exit_code", None)
        if code is None or code < 0:
            raise SchedulingError(
                f"job {info.submission_id} on {self.url} was ended from outside "
                f"({info.status.value}: {info.message}); finished trials are kept, submit again to "
                "go on"
            )
        return int(code)

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """Return what the cluster answers.

        Raises:
            SchedulingError: it does not, or refuses.
        """
        try:
            return ask()
        except (AuthenticationError, ValueError, *_REFUSED) as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> SchedulingError:
        if isinstance(error, AuthenticationError):
            found = f"the one in {self._token.place}" if self._token.value else "none"
            return SchedulingError(
                f"the cluster at {self.url} expected its own authentication token, found {found}; "
                f"{_TOKEN_HELP}"
            )
        return SchedulingError(
            f"cannot use the Ray cluster at {self.url}: {_first_line(error)}; the URL is that of "
            "its dashboard, such as http://HEAD:8265, which `ray start --head` prints, and needs "
            "`ray[default]` on the head node"
        )


@dataclass
class _Output:
    """What a job prints; each connection gives it from its beginning, and it is written once.

    Attributes:
        seen: characters that this connection gave.
        shown: characters that were written.
        reached: when the cluster last gave something, by the monotonic clock.
    """

    write: Callable[[str], object]
    seen: int = 0
    shown: int = 0
    reached: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        self.seen = 0

    def take(self, text: str) -> None:
        self.reached = time.monotonic()
        new = text[max(0, self.shown - self.seen) :]
        self.seen += len(text)
        self.shown = max(self.shown, self.seen)
        if new:
            self.write(new)


@contextmanager
def _no_other_address() -> Iterator[None]:
    """Hide the addresses that Ray's client takes from the environment before the one it is given.

    A laptop with `RAY_ADDRESS` set would otherwise send its sweep to that cluster, whichever was
    named.
    """
    hidden = {name: os.environ.pop(name, None) for name in _ADDRESSES}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in hidden.items() if value is not None})


def _first_line(error: Exception) -> str:
    lines: Sequence[str] = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
