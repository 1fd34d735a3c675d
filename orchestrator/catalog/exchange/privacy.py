"""What an export leaves out: users, passwords, and folders of the machine that it comes from.

No trial's id changes by it, since no path and no name of a person is part of one.
"""

import re
from pathlib import Path, PurePath
from typing import Any

from orchestrator.catalog.exchanged import ExchangedMeasurement, ExchangedSweep, ExchangedTrial
from workers.contract.redaction import redacted
from workers.contract.task_card import FolderSource

_FOLDER = "folder:"
_ABSOLUTE = re.compile(
    r"(?P<before>^|[\s'\"=:,(\[{])(?P<path>~?/(?!/)[^\s'\",;:)\]}]+)", re.MULTILINE
)


def public_trial(given: ExchangedTrial) -> ExchangedTrial:
    """Return a trial whose folders are called by their last name alone."""
    trial = given.trial
    base, task = trial.base, trial.task
    if base.source.startswith(_FOLDER):
        place = _FOLDER + _last_name(base.source.removeprefix(_FOLDER))
        base = base.model_copy(update={"source": place})
    card = task.card.model_copy(
        update={name: public_text(getattr(task.card, name)) for name in ("licence", "origin")}
    )
    source = task.source
    if isinstance(source, FolderSource):
        source = FolderSource(path=_last_name(source.path))
    task = task.model_copy(update={"card": card, "source": source})
    said: dict[str, Any] = {}
    if given.failure_message is not None:
        said["failure_message"] = public_text(given.failure_message)
    if given.stopped is not None:
        message = public_text(given.stopped.message)
        said["stopped"] = given.stopped.model_copy(update={"message": message})
    return given.model_copy(
        update=said | {"trial": trial.model_copy(update={"base": base, "task": task})}
    )


def public_sweep(given: ExchangedSweep) -> ExchangedSweep:
    return given.model_copy(update={"spec_yaml": public_text(given.spec_yaml)})


def public_measurement(given: ExchangedMeasurement) -> ExchangedMeasurement:
    """Return a measurement without who measured, and without where its base model lies."""
    conditions = given.row.conditions
    config = {
        key: public_text(value) if isinstance(value, str) else value
        for key, value in conditions.base.config.items()
    }
    base = conditions.base.model_copy(update={"config": config})
    update = {"conditions": conditions.model_copy(update={"base": base}), "measured_by": ""}
    return given.model_copy(update={"row": given.row.model_copy(update=update)})


def public_text(text: str) -> str:
    """Return a text in which absolute paths are their last names, and secrets are hidden."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home + "/", "~/")
    return _ABSOLUTE.sub(lambda found: found["before"] + _last_name(found["path"]), redacted(text))


def _last_name(path: str) -> str:
    pure = PurePath(path)
    return pure.name if pure.is_absolute() or path.startswith("~") else path
