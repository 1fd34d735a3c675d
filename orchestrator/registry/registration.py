"""Register a sweep's winners, and roll an alias back.

An alias moves only to what `orchestrator.registry.promotion` finds better, by force, or back.
Finding and pulling adapters is left to `orchestrator.registry.lookup`, which trials win to
`orchestrator.planning.selection`.
"""

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.catalog.alias_moves import undone_by
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.records import MoveKind
from orchestrator.errors import RegistryError
from orchestrator.mlflow.runs import Client, connect, tolerated, translated
from orchestrator.planning.selection import Winner, validation_score
from orchestrator.registry.aliases import Alias, alone
from orchestrator.registry.lookup import fetch, model_of, split_reference, verify
from orchestrator.registry.model_versions import (
    create_version,
    existing_version,
    refreshed,
    registered_model,
    registrable,
    version_tags,
)
from orchestrator.registry.promotion import Measure, objection
from orchestrator.registry.registered import RegisteredAdapter, described
from orchestrator.stores import Stores


@dataclass(frozen=True)
class AliasStayed:
    """A winner that did not get its alias.

    Attributes:
        version: what the alias goes on to name.
        why: what speaks against the winner, without what to do.
    """

    winner: Winner
    version: str
    why: str

    @property
    def message(self) -> str:
        """Return a sentence for people, which says what can be done."""
        reference = f"{self.winner.standing.best.task.name}@{self.winner.alias}"
        return (
            f"{reference} stays version {self.version}: {self.why}; submit with --force to move it "
            "all the same, or give this sweep an alias of its own (select.alias)"
        )


def register_winner(
    catalog: Catalog,
    stores: Stores,
    winner: Winner,
    *,
    sweep: str | None = None,
    force: bool = False,
) -> RegisteredAdapter | AliasStayed:
    """Make a winner's adapter a version, and let the alias name it if it is better.

    The same adapter of the same trial is one version, however often it is registered. What was
    measured on other data, is not better, or was rolled back does not get the alias, and no
    version is made of it. Either way the catalog keeps why.

    Args:
        sweep: whose winner it is, for the history.
        force: move the alias whatever it names.

    Raises:
        RegistryError: the trial left no adapter, or its files are not those it committed.
        TrackingError: MLflow does not answer, or refuses.
    """
    trial, tags = winner.standing.best, _verified_tags(winner, catalog, stores)
    client = connect(stores.tracking_uri)
    with translated(stores.tracking_uri), alone(catalog, stores):
        name = registered_model(client, trial)
        alias = Alias(
            client, catalog, name, trial.task.name, trial.base.name, winner.alias, sweep=sweep
        )
        named, existing = alias.named(), existing_version(client, name, tags)
        if existing is not None and str(existing.version) == named:
            return refreshed(client, name, existing, tags)
        about: dict[str, Any] = {"trial_id": trial.trial_id, "score": winner.standing.score}
        why_not = _objection(alias, winner, named=named, existing=existing)
        if why_not is not None and named is not None and not force:
            alias.record(MoveKind.STAYED, why_not, before=named, after=None, **about)
            return AliasStayed(winner, named, why_not)
        version = existing or create_version(
            client, catalog, stores, name=name, standing=winner.standing, tags=tags
        )
        kind = MoveKind.FORCED if why_not else MoveKind.REGISTERED
        why = f"although {why_not}" if why_not else _better(winner, named)
        alias.move(kind, why, before=named, after=str(version.version), **about)
        return refreshed(client, name, version, tags)


def _verified_tags(winner: Winner, catalog: Catalog, stores: Stores) -> dict[str, str]:
    """Return what a version of a winner says of it, after verifying the adapter's files."""
    trial, files = winner.standing.best, winner.standing.result.adapter
    paths = stores.workspace.trial(trial.trial_id)
    if paths.files.exists(paths.pruned.name):
        raise RegistryError(
            f"the files of {trial.label} were pruned; delete {paths.place(paths.pruned.name)} and "
            "call `adaptersweep repair` to have it trained again"
        )
    if files is None:
        raise RegistryError(
            f"{trial.label} left no adapter to register; let `select` choose among other methods"
        )
    if not paths.files.has_adapter(None) and catalog.brought([trial.trial_id]):
        raise RegistryError(
            f"the adapter of {trial.label} is not in this workspace, since its result was "
            "imported; register it where it was trained, or submit with --retrain-missing"
        )
    with registrable(stores, trial, files.files) as folder:
        verify(folder, files.files, files.digest)
        return version_tags(winner.standing, files, folder)


@dataclass(frozen=True)
class RolledBack:
    """What an alias named, and what it names again."""

    before: str
    adapter: RegisteredAdapter


def roll_back(
    reference: str,
    catalog: Catalog,
    stores: Stores,
    *,
    to: str | None = None,
    base: str | None = None,
) -> RolledBack:
    """Let an alias name an earlier version again, whose files are verified first.

    What it named since then is marked: no submission moves the alias back there without force.

    Args:
        to: the version; by default the one that the alias named before, which repeated calls
            follow further back.

    Raises:
        RegistryError: no such alias or version, nothing before it, or files that do not verify.
        TrackingError: MLflow does not answer.
    """
    task, selector = split_reference(reference)
    client = connect(stores.tracking_uri)
    with translated(stores.tracking_uri), alone(catalog, stores):
        model = model_of(client, reference, task=task, base=base)
        alias = Alias(client, catalog, model.name, model.tags["task"], model.tags["base"], selector)
        named = alias.named()
        if named is None:
            known = ", ".join(sorted(model.aliases)) or "none"
            raise RegistryError(f"{task} has no alias {selector!r}; its aliases are: {known}")
        past = alias.past()
        target = to or (past[-2] if len(past) > 1 else None)
        if target is None:
            raise RegistryError(
                f"nothing is known that {reference} named before version {named}; say which "
                f"version with --to: {_versions(client, model.name)}"
            )
        if target == named:
            raise RegistryError(f"{reference} names version {target} already")
        adapter = described(model, _version(client, model.name, target))
        _check_files(adapter, stores)
        for number in undone_by(past, target):
            alias.withdraw(number)
        about: dict[str, Any] = {"trial_id": adapter.trial_id, "score": adapter.score}
        alias.move(MoveKind.ROLLED_BACK, "by hand", before=named, after=target, **about)
        model = client.get_registered_model(model.name)
        return RolledBack(named, described(model, client.get_model_version(model.name, target)))


def _check_files(adapter: RegisteredAdapter, stores: Stores) -> None:
    """Refuse a version whose files are gone or damaged: there would be nothing to pull."""
    with tempfile.TemporaryDirectory() as temporary:
        fetch(adapter, stores.tracking_uri, into=Path(temporary) / "adapter")


def _version(client: Client, name: str, number: str) -> Any:
    if number.isdecimal():
        with tolerated("RESOURCE_DOES_NOT_EXIST"):
            return client.get_model_version(name, number)
    raise RegistryError(f"{name} has no version {number}; it has: {_versions(client, name)}")


def _versions(client: Client, name: str) -> str:
    found = client.search_model_versions(f"name = '{name}'")
    return ", ".join(str(number) for number in sorted(int(v.version) for v in found))


def _objection(alias: Alias, winner: Winner, *, named: str | None, existing: Any) -> str | None:
    """Return why the alias must not go from the version that it names to the winner."""
    if existing is not None and alias.withdrawn_from(existing):
        return f"the new one is version {existing.version}, which was rolled back"
    if named is None:
        return None
    model = alias.client.get_registered_model(alias.model)
    try:
        incumbent = described(model, alias.client.get_model_version(alias.model, named))
    except RegistryError as error:
        return f"nothing can be compared: {str(error).partition(';')[0]}"
    return objection(_new(winner), _old(alias.catalog, incumbent), winner.rank)


def _new(winner: Winner) -> Measure:
    standing = winner.standing
    return Measure(
        fingerprint=standing.best.task.fingerprint,
        metric=standing.metric,
        best=standing.score,
        mean=standing.mean,
        seeds=standing.seeds,
    )


def _old(catalog: Catalog, adapter: RegisteredAdapter) -> Measure:
    """Return what is known of a version: its tags, or the catalog where that saw more seeds."""
    fingerprint = adapter.task_fingerprint
    mean, seeds = adapter.score_mean, adapter.seeds
    trial = catalog.planned([adapter.trial_id]).get(adapter.trial_id)
    if trial is not None:
        fingerprint = fingerprint or trial.task.fingerprint
        results = catalog.results(catalog.seeds_of(adapter.trial_id)).values()
        chosen_by = "primary" if trial.metric == adapter.metric else adapter.metric
        values = [s for r in results if (s := validation_score(r, chosen_by)) is not None]
        if len(values) > seeds:
            mean, seeds = statistics.fmean(values), len(values)
    return Measure(
        fingerprint=fingerprint, metric=adapter.metric, best=adapter.score, mean=mean, seeds=seeds
    )


def _better(winner: Winner, named: str | None) -> str:
    words = _new(winner).words(winner.rank)
    return f"{words}, better than version {named}" if named else f"the first, with {words}"
