"""Tell somebody outside what became of a submission: by a webhook, or by a command.

Whatever goes wrong here is logged and changes nothing: a sweep does not fail for a notice.
"""

import json
import logging
import shlex
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from orchestrator.addresses import redacted
from orchestrator.catalog.records import AliasMove, MoveKind
from orchestrator.errors import OrchestratorError
from orchestrator.running.driver import Outcome

log = logging.getLogger(__name__)

TRIES = 3
ANSWER_LIMIT_S = 10.0
COMMAND_LIMIT_S = 60.0
_WEB = ("http://", "https://")


class Happening(StrEnum):
    """What is told."""

    ENDED = "ended"
    FAILURE_BUDGET = "failure_budget"  # more trials failed than the sweep allows
    NEW_CHAMPION = "new_champion"  # an alias of the registry names another version


@dataclass(frozen=True)
class Notice:
    """One thing to tell: a sentence for people, and fields for programs."""

    happening: Happening
    sweep: str
    text: str
    fields: Mapping[str, Any]

    def as_json(self) -> str:
        """Return it as JSON; `text` is what Slack, Mattermost and their like show."""
        about = {"event": self.happening.value, "sweep": self.sweep, "text": self.text}
        return json.dumps(about | dict(self.fields), ensure_ascii=False, default=str)


@dataclass(frozen=True)
class Hook:
    """Where notices go: the address of a webhook, or the words of a command."""

    webhook: str | None = None
    command: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `http(s)://…`, `@FILE` with one of these in its first line, or a command.

        Raises:
            OrchestratorError: it is none, or others may read the file.
        """
        if text.startswith("@"):
            text = _first_line(Path(text[1:]).expanduser())
        if text.startswith(_WEB):
            return cls(webhook=text)
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise OrchestratorError(f"--notify: {error} in the command {text!r}") from error
        if not words:
            raise OrchestratorError(
                "--notify: expected a command, @FILE, or the address of a webhook, found nothing"
            )
        return cls(command=words)

    @property
    def shown(self) -> str:
        """Return what may be logged: of a webhook its host, since its path is often a secret."""
        if self.webhook is not None:
            parts = urlsplit(self.webhook)
            return f"{parts.scheme}://{parts.hostname}/…"
        return self.command[0]

    def tell(self, notice: Notice, *, tries: int = TRIES) -> bool:
        """Deliver a notice; return whether it arrived."""
        try:
            if self.webhook is not None:
                _post(self.webhook, notice.as_json(), tries)
            else:
                _run(self.command, notice)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            said = redacted(str(error)).replace(self.webhook or "\0", self.shown)
            log.warning("could not tell %s of %s: %s", self.shown, notice.happening, said)
            return False
        return True


def notices_of(outcome: Outcome, moves: list[AliasMove], *, duration_s: float) -> Iterator[Notice]:
    """Yield what there is to tell of a submission that has ended.

    Args:
        moves: of aliases, that it made.
    """
    sweep = outcome.plan.spec.name
    for move in moves:
        if move.kind not in (MoveKind.REGISTERED, MoveKind.FORCED):
            continue
        name = f"{move.task}@{move.alias}"
        fields = move.model_dump(mode="json", exclude={"id", "kind", "moved_by", "sweep"})
        text = f"{name} is now version {move.to_version}: {move.why}"
        yield Notice(Happening.NEW_CHAMPION, sweep, text, fields | {"reference": name})
    counts = {
        "trials": len(outcome.plan.trials),
        "trained": outcome.trained,
        "reused": outcome.reused,
        "failed": len(outcome.failed),
        "blocked": len(outcome.blocked),
    }
    if outcome.stopped is not None and not outcome.interrupted:
        yield Notice(Happening.FAILURE_BUDGET, sweep, f"{sweep}: {outcome.stopped}", counts)
    words = ", ".join(f"{n} {what}" for what, n in counts.items() if n or what == "trained")
    how = _how_it_ended(outcome)
    fields = counts | {"outcome": how, "stopped": outcome.stopped, "duration_s": duration_s}
    yield Notice(Happening.ENDED, sweep, f"{sweep} {how}: {words}", fields)


def notice_of_error(sweep: str, error: BaseException) -> Notice:
    """Return what to tell of a submission that an error has ended."""
    said = redacted(str(error) or type(error).__name__)
    return Notice(Happening.ENDED, sweep, f"{sweep} ended: {said}", {"outcome": "error"})


def _how_it_ended(outcome: Outcome) -> str:
    if outcome.complete:
        return "completed"
    return "interrupted" if outcome.interrupted else "failed"


def _first_line(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise OrchestratorError(
                f"--notify: {path} can be read by others; run `chmod 600 {shlex.quote(str(path))}`"
            )
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise OrchestratorError(f"--notify: cannot read {path}: {error}") from error
    return lines[0].strip() if lines else ""


def _post(address: str, body: str, tries: int) -> None:
    """Send JSON; try again what a server or the network did not do.

    Raises:
        OSError: it did not arrive.
    """
    request = urllib.request.Request(
        address, body.encode(), {"Content-Type": "application/json"}, method="POST"
    )
    for attempt in range(1, tries + 1):
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_LIMIT_S):
                return
        except OSError as error:
            code = error.code if isinstance(error, urllib.error.HTTPError) else None
            refused = code is not None and code < HTTPStatus.INTERNAL_SERVER_ERROR
            if attempt == tries or (refused and code != HTTPStatus.TOO_MANY_REQUESTS):
                raise
            time.sleep(2.0 ** (attempt - 1))


def _run(command: tuple[str, ...], notice: Notice) -> None:
    """Start a command with the notice on its standard input; no shell reads it.

    Raises:
        OSError: it cannot be started.
        SubprocessError: it failed, or took too long.
    """
    subprocess.run(
        command,
        input=notice.as_json() + "\n",
        text=True,
        check=True,
        timeout=COMMAND_LIMIT_S,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
