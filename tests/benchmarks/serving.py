"""Long-lived processes that measure on request, one per environment, so that sides can alternate.

A server is a script that calls `serve` with its operations; requests and answers are lines of JSON.
The standard library only: it also runs in the peer's environment.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_REPOSITORY = Path(__file__).parents[2]


class ServerError(RuntimeError):
    """A server ended, or could not do what it was asked; its own message says why."""


class Server:
    """The other end of a script that calls `serve`; its standard error goes to ours."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = command
        self._process = subprocess.Popen(
            command,
            cwd=_REPOSITORY,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Do one operation in the server and return its answer.

        Raises:
            ServerError: it failed there, or the server has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([operation, arguments]) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ServerError(f"{' '.join(self._command)} ended; see its output above")
        answer = json.loads(line)
        if "error" in answer:
            raise ServerError(f"{operation} failed: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        """Let the server end, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def serve(operations: Mapping[str, Callable[..., Any]]) -> None:
    """Answer requests until standard input ends; whatever operations print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        operation, arguments = json.loads(line)
        try:
            answer = {"result": operations[operation](**arguments)}
        except Exception as error:  # noqa: BLE001 - the asking side raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
