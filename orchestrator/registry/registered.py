"""What one version in the registry says of itself, in MLflow's tags, which anybody can change."""

import json
from typing import Any

from pydantic import ValidationError

from orchestrator.errors import RegistryError
from workers.contract.frozen import Frozen

FLAVOR = "adaptersweep"
"""The tag of our registered models; others may share the registry."""
WITHDRAWN = "withdrawn"
"""The tag of a version that lists the aliases which were rolled back from it."""


class RegisteredAdapter(Frozen):
    """One version in the registry.

    Attributes:
        name, version: MLflow's.
        aliases: those that name this version now.
        score, metric: on validation; `score_mean` and `score_std` over `seeds` seeds.
        task_fingerprint: of the rows that the scores are from; None in versions of earlier days.
        withdrawn: aliases that were rolled back from this version; no submission moves them here.
        base_weights_sha256: of the base model that it was trained over.
        files: each file's SHA-256; `digest` is one over them all (`workers.contract.checksums`).
    """

    name: str
    version: str
    aliases: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    task: str
    task_fingerprint: str | None = None
    base: str
    base_weights_sha256: str
    trial_id: str
    kind: str
    metric: str
    score: float
    score_mean: float
    score_std: float | None = None
    seeds: int
    drop_depth: int
    parameters: int
    size_bytes: int
    digest: str
    files: dict[str, str]


def described(model: Any, version: Any) -> RegisteredAdapter:
    """Read what one of MLflow's versions says of itself in its tags.

    Raises:
        RegistryError: a tag is missing or cannot be read; somebody else wrote or changed it.
    """
    tags = dict(version.tags)
    fields: dict[str, Any] = {k: tags[k] for k in RegisteredAdapter.model_fields if k in tags}
    number = str(version.version)
    try:
        for name in ("files", WITHDRAWN):
            if name in fields:
                fields[name] = json.loads(fields[name])
        fields |= {
            "name": model.name,
            "version": number,
            "aliases": tuple(sorted(a for a, v in model.aliases.items() if str(v) == number)),
        }
        return RegisteredAdapter.model_validate(fields)
    except (ValidationError, json.JSONDecodeError, RecursionError) as error:
        problem = "a tag is not JSON"
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            problem = f"tag {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise RegistryError(
            f"version {number} of {model.name} in MLflow does not describe an adapter ({problem}); "
            "its tags were changed, or another program wrote it: choose another version, or submit "
            "the sweep that trained it again"
        ) from error
