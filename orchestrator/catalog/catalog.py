"""The catalog as one object; its parts say what each can do."""

from orchestrator.catalog.alias_moves import Aliases
from orchestrator.catalog.controlling import Controlling
from orchestrator.catalog.costs import Costs
from orchestrator.catalog.early_stops import EarlyStops
from orchestrator.catalog.exporting import Exporting
from orchestrator.catalog.grouping import Grouping
from orchestrator.catalog.importing import Importing
from orchestrator.catalog.measurements import Measurements
from orchestrator.catalog.mending import Mending
from orchestrator.catalog.outbox import Outbox
from orchestrator.catalog.recording import Recording
from orchestrator.catalog.removing import Removing
from orchestrator.catalog.series import Series
from orchestrator.catalog.sparing import Sparing
from orchestrator.catalog.submissions import Submissions


class Catalog(
    Submissions,
    Recording,
    Grouping,
    Series,
    Costs,
    Outbox,
    Aliases,
    Removing,
    Sparing,
    Mending,
    Measurements,
    Controlling,
    EarlyStops,
    Exporting,
    Importing,
):
    """Every sweep, trial, score and attempt of one installation. Open it with `Catalog.open`.

    Safe to use from several threads; each call is one short transaction.
    """
