"""A planned sweep as a notebook or `print` shows it, and its trials as a table."""

from functools import cached_property
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from orchestrator.commands.plan_preview import Preview
from orchestrator.commands.watching import as_html
from orchestrator.planning.plan import Plan
from orchestrator.running.forecasting.forecast_values import PlanForecast

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = 110


class PlannedSweep:
    """What a submission would run; nothing of it has been written anywhere."""

    def __init__(self, preview: Preview) -> None:
        self._preview = preview

    @property
    def sweep(self) -> str:
        """Return the sweep's name."""
        return self.plan.spec.name

    @property
    def plan(self) -> Plan:
        """Return the graph of trials itself."""
        return self._preview.planned

    @property
    def to_run(self) -> int:
        """Return how many trials are neither finished nor kept stopped by the sweep's rule."""
        return len(self.plan.trials.keys() - self._preview.settled)

    @property
    def forecast(self) -> PlanForecast:
        """Return what that will take: hours, hours of processors or GPUs, bytes, as ranges."""
        return self._preview.forecast

    @cached_property
    def trials(self) -> "pd.DataFrame":
        """One row per trial: what it is, whether its result is there, and why it failed before."""
        import pandas as pd

        columns = ("trial_id", "label", "method", "reused", "failed_before", "parents")
        return pd.DataFrame(self._preview.as_json()["trial_list"], columns=list(columns))

    def __str__(self) -> str:
        page = Console(file=StringIO(), width=_COLUMNS, highlight=False)
        with page.capture() as capture:
            self._preview.draw(page)
        return capture.get().rstrip("\n")

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html(self._preview.draw)
