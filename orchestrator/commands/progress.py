"""The live view of a running submission: done, running, failed, best score so far, time left."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from orchestrator.catalog.records import TrialState
from orchestrator.commands.forecast_words import times
from orchestrator.commands.output import duration, number, table
from orchestrator.planning.forecasting.estimates import Range
from orchestrator.planning.settings import Labels
from orchestrator.running.board import Board
from orchestrator.running.driver import Phase, Watch
from orchestrator.running.forecasting.time_left import TimeLeft
from orchestrator.running.worker_shapes import WorkerRoom
from workers.contract.events import EventKind, TrialEvent
from workers.contract.results import TrialResult

SHOWN_RUNNING = 8
PLAIN_EVERY_S = 10.0
LEFT_EVERY_S = 5.0


class ProgressView:
    """Follows a board. In a terminal it redraws; elsewhere it prints a line now and then."""

    def __init__(self, console: Console, time_left: TimeLeft | None = None) -> None:
        """Begin.

        Args:
            time_left: knows how long trials take; without, no time is told.
        """
        self.console = console
        self._time_left = time_left
        self._phase = Phase.STARTING
        self._board: Board | None = None
        self._labels = Labels({})
        self._room = WorkerRoom(1)
        self._started = time.monotonic()
        self._printed_at = 0.0
        self._left_at = -LEFT_EVERY_S
        self._left_s: Range | None = None
        self._bar = Progress(BarColumn(), TextColumn("{task.description}"))
        self._finished = self._bar.add_task("")
        self._live = Live(
            console=console, get_renderable=self.render, refresh_per_second=2, transient=True
        )

    @property
    def watch(self) -> Watch:
        return Watch(phase=self._set_phase, board=self._set_board, waits=self._say)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def _set_phase(self, phase: Phase) -> None:
        self._phase = phase
        if not self.console.is_terminal:
            self.console.print(f"{phase} …")

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, soft_wrap=True)

    def _set_board(self, board: Board, room: WorkerRoom) -> None:
        self._board, self._room = board, room
        self._labels = Labels(board.queue.trials)
        board.listeners.append(self._note)
        board.heartbeat.listeners.append(self._say_what_is_asked)

    def _say_what_is_asked(self) -> None:
        """Print in a pipe that it is paused, or goes on; in a terminal the view shows it."""
        assert self._board is not None
        if not self.console.is_terminal:
            self._say(self._board.stopping or self._board.held or f"{self._phase} …")

    def _note(self, event: TrialEvent, result: TrialResult | None) -> None:
        assert self._board is not None
        trial = self._board.queue.trials[event.trial_id]
        if result is not None and self._time_left is not None:
            self._time_left.note(trial, result)
        if event.kind is EventKind.FAILED:
            label = self._labels.of(event.trial_id)
            self.console.print(f"[red]failed[/] {label} — log: adaptersweep trials --state failed")
        due = time.monotonic() - self._printed_at > PLAIN_EVERY_S
        if not self.console.is_terminal and (due or self._board.over):
            self._printed_at = time.monotonic()
            self.console.print(f"{self._counts()}; {self._best_line()}", soft_wrap=True)

    def render(self) -> RenderableType:
        """Draw the view; called by rich's own thread, so it reads the board and changes nothing."""
        board = self._board
        if board is None:
            return Text(f"{self._phase} … {duration(time.monotonic() - self._started)}")
        total = len(board.queue.trials)
        done = board.counts()[TrialState.FINISHED]
        self._bar.update(self._finished, total=total, completed=done, description=self._counts())
        said = board.stopping or board.held or board.stops.ended_by or self._phase
        phase = Text(said, style="dim")
        return Group(self._bar, self._running(board), self._bests(), phase)

    def _counts(self) -> str:
        assert self._board is not None
        counts = self._board.counts()
        others = (s for s in TrialState if s is not TrialState.FINISHED)
        words = (f"{counts[state]} {state}" for state in others)
        return (
            f"{counts[TrialState.FINISHED]}/{len(self._board.queue.trials)} finished, "
            f"{', '.join(words)}, {duration(time.monotonic() - self._started)} so far, "
            f"{_words_left(self._left())}"
        )

    def _left(self) -> Range | None:
        """Return how long the trials have still to go; looked at anew every few seconds."""
        assert self._board is not None
        moment = time.monotonic()
        if self._time_left is not None and moment - self._left_at > LEFT_EVERY_S:
            self._left_at = moment
            states, epochs = dict(self._board.queue.states), dict(self._board.running_epochs)
            self._left_s = self._time_left.left(states, epochs, self._room)
        return self._left_s

    def _running(self, board: Board) -> Table:
        rows = table("running", "epoch", "score", right=("epoch", "score"))
        for trial_id, epoch in list(board.running_epochs.items())[:SHOWN_RUNNING]:
            trial = board.queue.trials[trial_id]
            at = f"{epoch.epoch if epoch else 0}/{trial.training.epochs}"
            rows.add_row(
                self._labels.of(trial_id), at, number(epoch.selection_score if epoch else None)
            )
        return rows

    def _bests(self) -> Table:
        assert self._board is not None
        rows = table("best so far", "score", "trial", right=("score",))
        for task, best in sorted(self._board.best.items()):
            label = self._labels.of(best.trial_id).partition(" · ")[2]
            rows.add_row(task, f"{best.metric} {number(best.score)}", label)
        return rows

    def _best_line(self) -> str:
        assert self._board is not None
        best = ", ".join(f"{t} {number(b.score)}" for t, b in sorted(self._board.best.items()))
        return f"best {best}" if best else "no score yet"


def _words_left(left: Range | None) -> str:
    return "time left not known yet" if left is None else f"{times(left)} left"
