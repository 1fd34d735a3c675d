"""The catalog as one object; its parts say what each can do."""

from orchestrator.catalog.alias_moves import Aliases
from orchestrator.catalog.controlling import Controlling
from orchestrator.catalog.details import Details
from orchestrator.catalog.mending import Mending
from orchestrator.catalog.outbox import Outbox
from orchestrator.catalog.recording import Recording
from orchestrator.catalog.removing import Removing
from orchestrator.catalog.submissions import Submissions


class Catalog(Submissions, Recording, Details, Outbox, Aliases, Removing, Mending, Controlling):
    """Every sweep, trial, score and attempt of one installation. Open it with `Catalog.open`.

    Safe to use from several threads; each call is one short transaction.
    """
