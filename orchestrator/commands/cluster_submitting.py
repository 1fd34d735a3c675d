"""`submit --cluster` and `resume --cluster`: send a sweep to a Ray cluster, follow it or leave."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orchestrator.addresses import holds_password
from orchestrator.catalog.process import person
from orchestrator.catalog.records import Submission
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import print_json, say
from orchestrator.commands.outside import Outside
from orchestrator.commands.profiles import find_profile
from orchestrator.errors import OrchestratorError
from orchestrator.interruption import INTERRUPTED
from orchestrator.running.parcel import Order, Parcel, pack
from workers.contract.storage.addresses import is_url, workspace_address

if TYPE_CHECKING:
    from orchestrator.running.cluster_jobs import ClusterJobs


@dataclass(frozen=True)
class Places:
    """A cluster, as `--cluster` names it, and stores as its nodes reach them."""

    cluster: str | None
    workspace: Path
    catalog: str | None
    tracking: str | None
    outside: Outside = field(default_factory=Outside)

    def check(self) -> None:
        """Refuse what no driver on a cluster can use.

        Raises:
            OrchestratorError: there is no cluster, the workspace is not an absolute path, or a
                secret would be sent.
        """
        if self.cluster is None:
            raise OrchestratorError(
                "--detach: expected --cluster with it, since only there the driver needs nobody"
            )
        if not (self.workspace.is_absolute() or is_url(workspace_address(self.workspace))):
            raise OrchestratorError(
                "--workspace: expected an absolute path, as the cluster's nodes see it, or the URL "
                "of object storage, found "
                f"{self.workspace}; give it here or as `workspace` in the profile"
            )
        given = {"--catalog": self.catalog, "--tracking": self.tracking}
        secret = [name for name, address in given.items() if address and holds_password(address)]
        if (self.outside.notify or "").startswith(("http://", "https://")):
            secret.append("--notify")
        if secret:
            raise OrchestratorError(
                f"{' and '.join(secret)}: found a secret, and all who use a cluster can read what "
                "is sent to it; leave it out, and put it where the cluster's nodes find it: see "
                "docs/security.md"
            )

    def order(self, name: str, options: Sequence[str] = ()) -> Order:
        return Order(
            name=name,
            workspace=str(self.workspace),
            environment=self._environment(),
            options=tuple(options),
            person=person(),
        )

    def _environment(self) -> dict[str, str]:
        given = {
            "ADAPTERSWEEP_CATALOG": self.catalog,
            "MLFLOW_TRACKING_URI": self.tracking,
            "ADAPTERSWEEP_METRICS": self.outside.metrics,
            "ADAPTERSWEEP_NOTIFY": self.outside.notify,
            "ADAPTERSWEEP_LOG_FORMAT": self.outside.log_format.value,
        }
        return {name: value for name, value in given.items() if value is not None}


def send_sweep(
    sweep: Path,
    places: Places,
    options: Sequence[str] = (),
    values: Sequence[str] = (),
    *,
    detach: bool,
    as_json: bool,
) -> int:
    """Send a sweep to a cluster, unless it runs there already; follow it to its exit code.

    Args:
        options: of `submit`, for the driver on the cluster.
        values: of the YAML's variables, `name=value` each.
        detach: return as soon as it runs.

    Raises:
        OrchestratorError: the YAML is wrong, what it names is too much to send, or the cluster
            does not take it.
    """
    places.check()
    name, parcel = pack(sweep, str(places.workspace), values)
    order = places.order(sweep.name, options)
    return _send(name, parcel, order, places, detach=detach, as_json=as_json)


def send_again(name: str, places: Places) -> None:
    """Start a driver for a sweep that the catalog knows, on the YAML that it keeps.

    Raises:
        OrchestratorError: there is no such sweep, or the cluster does not take it.
    """
    places.check()
    with open_catalog(places.workspace, places.catalog) as opened:
        parcel = Parcel(opened.spec_yaml(name))
    order = places.order(f"{name.replace('/', '-')}.yaml")
    _send(name, parcel, order, places, detach=True, as_json=False)


def all_ended(cluster: str, working: Sequence[Submission]) -> bool:
    """Tell whether nobody works on a sweep, also where a killed driver could not say so.

    Args:
        working: its submissions that have not ended, as far as the catalog knows.

    Raises:
        OrchestratorError: the cluster does not answer.
    """
    jobs = [submission.job for submission in working]
    if not jobs:
        return True
    if not all(jobs):
        return False  # one was started by hand
    return all(_jobs_of(cluster).has_ended(job) for job in jobs if job)


def _jobs_of(cluster: str) -> "ClusterJobs":
    from orchestrator.running.cluster_jobs import ClusterJobs

    profile = find_profile(cluster)
    return ClusterJobs(profile.url, profile.token_file)


def log_on_cluster(cluster: str, path: Path, lines: int | None) -> str:
    """Return a trial's log from a workspace that only the cluster sees.

    Raises:
        OrchestratorError: the cluster does not answer, or does not see it either.
    """
    last = "+1" if lines is None else str(lines)
    return _jobs_of(cluster).printed_by(["tail", "-n", last, str(path)])


def _send(
    name: str, parcel: Parcel, order: Order, places: Places, *, detach: bool, as_json: bool
) -> int:
    assert places.cluster is not None
    jobs = _jobs_of(places.cluster)
    job = jobs.running(name, parcel.digest)
    if job is not None:
        say(f"Sweep {name} runs on {jobs.url} already, as job {job}.")
    else:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "sweep.zip"
            parcel.write(order, archive)
            job = jobs.start(name, parcel.digest, archive)
        say(f"Sweep {name} is on {jobs.url}, as job {job}.")
    again = "the same command follows it again; `adaptersweep list` and `watch` show it"
    if detach:
        status = jobs.wait_for_start(job)
        say(f"It is {status.lower()} there; {again}.")
        code = 0
    else:
        try:
            code = jobs.follow(job, partial(_write, sys.stderr if as_json else sys.stdout))
        except KeyboardInterrupt:
            say(f"\nNo longer followed. Job {job} goes on on the cluster; {again}.")
            return INTERRUPTED
    if as_json:
        print_json({"sweep": name, "job": job, "exit_code": None if detach else code})
    return code


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
