"""How many tokens a plan's tasks have: from what was measured, else from some of their rows.

Nothing is downloaded: what is on the Hub alone is not known until it was trained on.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.planning.forecasting.observations import Observation
from orchestrator.planning.forecasting.trial_work import SizeKey, Sizes, SplitSize, size_key
from workers.bases.base_models import fetch_base_model
from workers.contract.task_card import HubSource
from workers.contract.trial import BaseModelRef, Trial
from workers.errors import WorkerError
from workers.tasks.hub import is_directory
from workers.tasks.token_counts import count_tokens

log = logging.getLogger(__name__)


def known_sizes(observations: Iterable[Observation]) -> dict[SizeKey, Sizes]:
    """Return what finished trials counted."""
    return {size_key(o.trial): o.sizes for o in observations if o.whole}


def sizes_of(
    trials: Iterable[Trial], known: Mapping[SizeKey, Sizes], bases: Iterable[str]
) -> dict[SizeKey, Sizes]:
    """Return the sizes of the tasks of some trials, as far as they can be had.

    Args:
        bases: identities of those of which anything was measured; others are not read.
    """
    wanted = {size_key(trial): trial for trial in trials if size_key(trial) not in known}
    measured = set(bases)
    found = dict(known)
    for key, trial in wanted.items():
        if trial.base.identity in measured and (sizes := _counted(trial)):
            found[key] = sizes
    return found


def _counted(trial: Trial) -> Sizes:
    source = trial.task.source
    tokenizer = _tokenizer(trial.base)
    if tokenizer is None or (isinstance(source, HubSource) and not is_directory(source)):
        return {}
    try:
        counts = count_tokens(trial.task, tokenizer, max_length=trial.training.max_length)
    except (WorkerError, OSError) as error:
        log.warning("the rows of %s cannot be counted: %s", trial.task.name, error)
        return {}
    return {
        split: SplitSize(n.rows, n.sequences, n.tokens, counted=False)
        for split, n in counts.items()
    }


def _tokenizer(base: BaseModelRef) -> Path | None:
    """Return a base's `tokenizer.json`, if it is on this machine."""
    if base.source.startswith("hub:"):
        from huggingface_hub import try_to_load_from_cache

        repository = base.source.removeprefix("hub:")
        cached = try_to_load_from_cache(repository, "tokenizer.json", revision=base.revision)
        return Path(cached) if isinstance(cached, str) else None
    try:
        path = fetch_base_model(base.source, base.revision) / "tokenizer.json"
    except (WorkerError, OSError):
        return None
    return path if path.is_file() else None
