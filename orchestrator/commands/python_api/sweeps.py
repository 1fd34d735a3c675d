"""Everything that a notebook does with sweeps: plan, submit, follow, read, draw, load.

Each method does what the command of its name does; errors are the same, as exceptions. Nothing
heavy is imported before it is needed.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from orchestrator.catalog.catalog import Catalog
from orchestrator.commands.profiles import ClusterProfile, find_profile
from orchestrator.commands.python_api.driver_process import Order
from orchestrator.commands.python_api.given_sweep import (
    GivenSweep,
    as_file,
    condition,
    sweep_file,
    variables,
)
from orchestrator.commands.python_api.picture import Picture, draw_picture
from orchestrator.commands.python_api.planned_sweep import PlannedSweep
from orchestrator.commands.python_api.submission import Submission
from orchestrator.errors import OrchestratorError
from orchestrator.stores import Stores

if TYPE_CHECKING:
    import pandas as pd

    from dashboards.results import Results
    from orchestrator.catalog.importing import Imported
    from workers.predict import ManyTasks, Predictor

_DEFAULT_WORKSPACE = "workspace"
_NONE: Mapping[str, Any] = MappingProxyType({})


class Sweeps:
    """The sweeps of one workspace: where trials, catalog and MLflow's store are.

    What is not given is taken from the environment, then from the cluster's profile, as by the
    command line. Use it in a `with` block, or leave it open for as long as a notebook.
    """

    def __init__(
        self,
        workspace: str | os.PathLike[str] | None = None,
        *,
        catalog: str | None = None,
        tracking: str | None = None,
        cluster: str | None = None,
    ) -> None:
        """Say where; nothing is opened or created yet.

        Args:
            workspace: the folder, or the URL of object storage; `workspace` by default.
            catalog, tracking: addresses of databases; by default SQLite in the workspace.
            cluster: a profile of the configuration file, or the URL of a dashboard, for `send`.

        Raises:
            OrchestratorError: there is no such profile, or the workspace is no path.
        """
        self.cluster = cluster or os.environ.get("ADAPTERSWEEP_CLUSTER")
        profile = find_profile(self.cluster) if self.cluster else ClusterProfile(url="")
        self._catalog_url = catalog or os.environ.get("ADAPTERSWEEP_CATALOG") or profile.catalog
        self._tracking = tracking or os.environ.get("MLFLOW_TRACKING_URI") or profile.tracking
        given = workspace or os.environ.get("ADAPTERSWEEP_WORKSPACE") or profile.workspace
        self._folder = Path(given or _DEFAULT_WORKSPACE)
        self.stores = Stores.at(self._folder, catalog=self._catalog_url, tracking=self._tracking)

    def __repr__(self) -> str:
        return f"Sweeps({self.stores.workspace.address!r})"

    def plan(
        self,
        sweep: GivenSweep,
        *,
        values: Mapping[str, Any] = _NONE,
        workers: int | Sequence[int] = (),
        calibrate: bool = False,
    ) -> PlannedSweep:
        """Say what a sweep would run, what is reused, and what the rest will take.

        Args:
            values: of the YAML's variables.
            workers: forecast for so many at once, one number or one for `resources` and each of its
                kinds; by default as many as fit this machine.
            calibrate: run a few small trials of it here first, minutes at most.

        Raises:
            SpecError: anything in it that cannot be read, found or combined.
            OrchestratorError: it cannot be calibrated here.
        """
        from orchestrator.commands.plan_preview import calibrated, look_ahead

        asked = (workers,) if isinstance(workers, int) else workers
        with as_file(sweep) as path:
            preview = look_ahead(path, self.stores, variables(values), asked)
            if calibrate:
                preview = calibrated(preview, self.stores)
        return PlannedSweep(replace(preview, calibrating="Sweeps.plan(…, calibrate=True)"))

    def submit(
        self,
        sweep: GivenSweep,
        *,
        values: Mapping[str, Any] = _NONE,
        follow: bool = True,
        address: str | None = None,
        retrain_missing: bool = False,
        force: bool = False,
    ) -> Submission:
        """Run a sweep, or go on with it, on this machine; finished trials are never run again.

        Args:
            values: of the YAML's variables.
            follow: show it until it has ended, where Ctrl-C ends it; else return at once.
            address: of a Ray cluster that this machine is part of; by default one is started.
            retrain_missing: train finished trials again whose files are gone.
            force: let aliases of the registry name the winners even where they are no better.

        Raises:
            SpecError: the sweep cannot be read.
            OrchestratorError: it could not run; what is finished stays finished.
        """
        from orchestrator.spec.read import read_spec

        path, remove = sweep_file(sweep)
        try:
            given = variables(values)
            name = read_spec(path, given)[0].name
            order = Order(
                sweep=str(path),
                values=given,
                workspace=self.stores.workspace.address,
                catalog=self._catalog_url,
                tracking=self._tracking,
                address=address or os.environ.get("RAY_ADDRESS"),
                retrain_missing=retrain_missing,
                force=force,
            )
            submission = Submission(name, order, self.open_catalog, remove)
        except BaseException:
            remove()
            raise
        if follow:
            submission.follow()
        return submission

    def send(
        self,
        sweep: GivenSweep,
        *,
        values: Mapping[str, Any] = _NONE,
        follow: bool = True,
        retrain_missing: bool = False,
        force: bool = False,
    ) -> int | None:
        """Run a sweep on the cluster, where it needs this machine no longer.

        Args:
            values: of the YAML's variables.
            follow: print what its driver says until it has ended; Ctrl-C ends nothing but that.

        Returns:
            The exit code of `adaptersweep submit`, 130 where following was ended, None where it is
            not followed.

        Raises:
            OrchestratorError: no cluster was given, or it does not take the sweep.
        """
        from orchestrator.commands.cluster_submitting import Places, send_sweep

        if self.cluster is None:
            raise OrchestratorError(
                'expected a cluster to send to, found none: say Sweeps(cluster="NAME"), with a '
                "profile's name or http://HEAD:8265; `submit` runs a sweep on this machine"
            )
        flags = {"--retrain-missing": retrain_missing, "--force": force}
        options = [name for name, wanted in flags.items() if wanted]
        places = Places(self.cluster, self._folder, self._catalog_url, self._tracking)
        with as_file(sweep) as path:
            given = variables(values)
            code = send_sweep(path, places, options, given, detach=not follow, as_json=False)
        return code if follow else None

    def watch(self, sweep: str | None = None) -> None:
        """Show a sweep, or the table of all, as it goes on, until Ctrl-C, which ends nothing else.

        Raises:
            CatalogError: there is no catalog, or no such sweep in it.
        """
        from orchestrator.commands import sweep_view

        sweep_view.watch(sweep, self._folder, catalog=self._catalog_url)

    def status(self) -> "pd.DataFrame":
        """Return one row per sweep: how many of its trials are in which state.

        Raises:
            CatalogMissingError: there is no catalog yet.
        """
        import pandas as pd

        rows = [
            {"sweep": s.name, "trials": s.trials, **{k.value: n for k, n in s.counts.items()}}
            | {"archived": s.archived, "created_at": s.created_at}
            for s in self.open_catalog().sweeps()
        ]
        return pd.DataFrame(rows)

    def best(
        self, sweep: str | None = None, task: str | None = None, *, limit: int = 5
    ) -> "pd.DataFrame":
        """Return leaderboards: configurations by their mean over seeds, in the order of `best`.

        Args:
            limit: rows of each task.

        Raises:
            CatalogError: there is no catalog, or no such sweep or task in it.
        """
        import pandas as pd

        from orchestrator.catalog.plain_rows import (
            LEADERBOARD_COLUMNS,
            flat_leaderboard,
            leaderboard_rows,
        )

        catalog = self.open_catalog()
        rows = leaderboard_rows(catalog, catalog.leaderboard(sweep, task, limit))
        return pd.DataFrame(flat_leaderboard(rows), columns=LEADERBOARD_COLUMNS)

    def results(self, sweep: str | None = None, *, where: Mapping[str, Any] = _NONE) -> "Results":
        """Return the trials of a sweep, or of the whole catalog, as tables.

        Its attributes are DataFrames, read when they are first asked for: `trials` (one row per
        trial), `depths` (per trial, split and drop depth), `epochs`, `attention` and `records`.

        Args:
            where: leave out what does not meet it, such as `{"drop_mode": "robust"}`.

        Raises:
            CatalogError: there is no catalog, or no such sweep in it.
            OrchestratorError: an axis or a value that no condition has.
        """
        from dashboards.results import read_results

        return read_results(self.open_catalog(), sweep, where=condition(where))

    def trials(
        self, sweep: str | None = None, *, where: Mapping[str, Any] = _NONE
    ) -> "pd.DataFrame":
        """Return one row per trial: what it is, its state, its scores and every setting."""
        return self.results(sweep, where=where).trials

    def scores(
        self, sweep: str | None = None, *, where: Mapping[str, Any] = _NONE
    ) -> "pd.DataFrame":
        """Return one row per trial, split and drop depth, with the columns of its trial."""
        found = self.results(sweep, where=where)
        trials = found.trials.drop(columns=["score", "test_score"])
        return found.depths.merge(trials, on="trial_id", how="left", validate="many_to_one")

    def figures(self) -> "pd.DataFrame":
        """Return the name of each figure and what it shows."""
        import pandas as pd

        from dashboards.figures import FIGURES

        rows = [(f.name, f.title, f.caption()) for f in FIGURES.values()]
        return pd.DataFrame(rows, columns=["name", "title", "shows"])

    def figure(
        self,
        name: str,
        sweep: str | None = None,
        *,
        where: Mapping[str, Any] = _NONE,
        every: bool = False,
    ) -> Picture:
        """Draw a figure, which a notebook shows where a cell ends with it.

        Args:
            name: one of `figures`.
            every: draw every configuration where otherwise the best is chosen.

        Raises:
            CatalogError: there is no catalog, or no such sweep in it.
            DashboardError: there is no such figure, or nothing to draw, and why.
        """
        return draw_picture(name, self.results(sweep, where=where), every=every)

    def load(
        self,
        adapter: str,
        *,
        base: str | None = None,
        base_folder: str | os.PathLike[str] | None = None,
    ) -> "Predictor":
        """Load a registered adapter onto its base model, verified, ready to predict.

        Args:
            adapter: `TASK@ALIAS`, `TASK@VERSION`, or a folder that holds one.
            base: the base model's short name, where the task has adapters over several.
            base_folder: where the base model lies, if it moved.

        Raises:
            RegistryError: nothing has that name, or its files are not those that were registered.
            AdapterLibError: the files or the base model are damaged, or not those of training.
        """
        from orchestrator.commands.adapters import predictor_for

        there = Path(base_folder) if base_folder is not None else None
        return predictor_for(adapter, self.stores, base=base, base_folder=there)

    def many_tasks(
        self,
        *adapters: str,
        base: str | None = None,
        base_folder: str | os.PathLike[str] | None = None,
    ) -> "ManyTasks":
        """Load several registered adapters onto one base in memory, to answer in one pass.

        Args:
            adapters: as for `adapter`; each is called as it is given, a folder by its own name.
            base, base_folder: as for `adapter`.

        Raises:
            WorkerError: they belong to different base models.
            OrchestratorError, AdapterLibError: as for `adapter`.
        """
        from orchestrator.commands.adapters import Source
        from orchestrator.commands.predicting_many import load

        there = Path(base_folder) if base_folder is not None else None
        return load(adapters, Source(self.stores, base, there))

    def export(
        self, *sweeps: str, to: str | os.PathLike[str], measurements: bool | None = None
    ) -> Path:
        """Write results of sweeps, or of the whole catalog, into one JSON file; return its path.

        Args:
            measurements: whether measured times come too; by default where no sweep is named.

        Raises:
            CatalogError: there is no catalog, or no such sweep in it.
        """
        from orchestrator.commands.exchanging import written

        return written(self.open_catalog(), sweeps, Path(to), with_measurements=measurements)

    def import_(self, *files: str | os.PathLike[str], keep_first: bool = False) -> "Imported":
        """Put exported files into the catalog, all or nothing, and return how much was new.

        Args:
            keep_first: of two different results, keep the catalog's or the earlier file's.

        Raises:
            OrchestratorError: a file cannot be read, or results differ.
        """
        from orchestrator.commands.exchanging import take_in

        return take_in([Path(file) for file in files], self.stores, keep_first=keep_first)

    def open_catalog(self) -> Catalog:
        """Return the catalog, which stays open until `close`.

        Raises:
            CatalogMissingError: there is none yet; submit a sweep first.
        """
        return self._catalog

    @cached_property
    def _catalog(self) -> Catalog:
        return Catalog.open(self.stores.catalog_url, create=False)

    def close(self) -> None:
        """Close the catalog; the next call opens it again."""
        opened: Catalog | None = self.__dict__.pop("_catalog", None)
        if opened is not None:
            opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
