"""How a running submission is seen from outside: figures for Prometheus, and notices of its end."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import AliasMove
from orchestrator.commands.notifying import TRIES, Hook, notice_of_error, notices_of
from orchestrator.errors import CatalogError
from orchestrator.running.driver import Outcome, Watch
from orchestrator.stores import Stores
from workers.contract.log_lines import LogFormat


@dataclass(frozen=True)
class Outside:
    """What was asked for.

    Attributes:
        metrics: where figures are served, `PORT` or `HOST:PORT`; None serves none.
        notify: where notices go; see `Hook.of`.
    """

    metrics: str | None = None
    notify: str | None = None
    log_format: LogFormat = LogFormat.TEXT


UNSEEN = Outside()
"""Seen by nobody."""


class Observed:
    """A submission that is looked at from outside.

    Attributes:
        watch: to be given to the driver.
    """

    def __init__(self, sweep: str, stores: Stores, watch: Watch, hook: Hook | None) -> None:
        self.watch = watch
        self._sweep, self._stores, self._hook = sweep, stores, hook
        self._began = time.monotonic()
        self._known = {move.id for move in self._moves()}

    def ended(self, outcome: Outcome) -> None:
        """Tell what became of it."""
        if self._hook is None:
            return
        moves = [m for m in self._moves() if m.id not in self._known and m.sweep == self._sweep]
        duration_s = round(time.monotonic() - self._began, 1)
        for notice in notices_of(outcome, moves, duration_s=duration_s):
            # Whoever sends SIGTERM often kills soon after, so nothing is tried again then.
            self._hook.tell(notice, tries=1 if outcome.interrupted else TRIES)

    def broken(self, error: BaseException) -> None:
        """Tell that an error has ended it."""
        if self._hook is not None:
            interrupted = not isinstance(error, Exception)
            notice = notice_of_error(self._sweep, error)
            self._hook.tell(notice, tries=1 if interrupted else TRIES)

    def _moves(self) -> list[AliasMove]:
        if self._hook is None:
            return []
        try:
            with Catalog.open(self._stores.catalog_url, create=False) as catalog:
                return catalog.alias_moves()
        except CatalogError:  # there is none yet, or it does not answer: a notice less
            return []


@contextmanager
def observed(
    outside: Outside, sweep: str, stores: Stores, watch: Watch, out: Console
) -> Iterator[Observed]:
    """Serve figures while the context is open, and tell of an error that leaves it.

    Raises:
        OrchestratorError: what was asked for cannot be.
    """
    hook = None if outside.notify is None else Hook.of(outside.notify)
    with ExitStack() as stack:
        if outside.metrics is not None:
            from orchestrator.running.telemetry import Telemetry, served

            telemetry = Telemetry(sweep)
            url = stack.enter_context(served(telemetry, outside.metrics))
            out.print(f"figures for Prometheus at {url}", soft_wrap=True)
            watch = telemetry.watch(watch)
        seen = Observed(sweep, stores, watch, hook)
        try:
            yield seen
        except BaseException as error:
            seen.broken(error)
            raise
