"""`mlflow` and `doctor`: the installation itself."""

import importlib.metadata
import logging
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markup import escape

from orchestrator.addresses import redacted
from orchestrator.commands.output import console, print_json, table
from orchestrator.errors import CatalogMissingError, OrchestratorError
from orchestrator.mlflow.runs import connect, prepare_store
from orchestrator.mlflow.store_file import artifact_folder, holds_store, store_path
from orchestrator.stores import Stores, check_storage

log = logging.getLogger(__name__)

_PATIENCE_S = 10.0
"""For object storage that does not answer."""
PACKAGES = (
    "adaptersweep",
    "torch",
    "transformers",
    "datasets",
    "ray",
    "mlflow",
    "sqlalchemy",
    "pydantic",
)


def mlflow(workspace: Path, *, tracking: str | None, host: str, port: int) -> int:
    """Run MLflow's server on the workspace's store until it is stopped."""
    stores = Stores.at(workspace, tracking=tracking)
    if stores.tracking_uri.startswith(("http://", "https://")):
        console().print(f"MLflow runs already: open {stores.shown_tracking}")
        return 0
    connect(stores.tracking_uri)
    _check_listening(host, port)
    prepare_store(stores.tracking_uri)  # it may have been moved, which the pages do not look for
    page = "#/experiments?workflowType=machine_learning"  # its other mode is for chat traces
    console().print(f"MLflow: http://{host}:{port}/{page}  (Ctrl-C stops it)", soft_wrap=True)
    command = [
        sys.executable,
        *("-m", "mlflow", "server"),
        *("--artifacts-destination", artifact_folder(stores)),
        *("--host", host, "--port", str(port), "--workers", "1"),
    ]
    # Not among its arguments, which everybody on this machine can read.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": stores.tracking_uri}
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        return process.wait() and 0


def _check_listening(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on, which MLflow would try for minutes.

    Raises:
        OrchestratorError: it is in use, not this machine's, or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
    except (OSError, OverflowError) as error:
        raise OrchestratorError(
            f"cannot listen on port {port} of {host}: {error}; give another with --port (or "
            "--host), or stop what uses it"
        ) from error


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    what: str
    ok: bool
    found: str


def doctor(
    workspace: Path,
    *,
    catalog: str | None,
    tracking: str | None,
    address: str | None,
    as_json: bool,
) -> int:
    """Check everything a sweep needs; return 0 when all of it is usable."""
    stores = Stores.at(workspace, catalog=catalog, tracking=tracking)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", lambda: f"{platform.python_version()} on {platform.platform()}"),
        *((name, _version(name)) for name in PACKAGES),
        ("processors", lambda: f"{os.cpu_count()} CPUs, {_gpus()}"),
        ("ray cluster", lambda: _ray(address)),
        ("workspace", lambda: _workspace(stores)),
        ("catalog", lambda: _catalog(stores)),
        ("mlflow store", lambda: _tracking(stores)),
    ]
    findings = [_check(what, probe) for what, probe in checks]
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        rows = table("", "check", "found")
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]no[/]"
            rows.add_row(mark, finding.what, escape(finding.found))
        console().print(rows)
    return 0 if all(f.ok for f in findings) else 1


def _check(what: str, probe: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, probe())
    except Exception as error:  # whatever is wrong is what the doctor reports
        log.debug("%s", what, exc_info=True)
        return Finding(what, False, redacted(f"{type(error).__name__}: {error}".splitlines()[0]))


def _version(name: str) -> Callable[[], str]:
    return lambda: importlib.metadata.version(name)


def _gpus() -> str:
    import torch

    if not torch.cuda.is_available():
        return f"no GPU that torch {torch.__version__} can use"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"{len(names)} GPUs: {', '.join(names)}"


def _ray(address: str | None) -> str:
    if address is None:
        return "none given; `submit` starts one on this machine"
    from orchestrator.running.scheduling import cluster

    with cluster(address) as nodes:
        cpus, gpus = sum(n.cpus for n in nodes), sum(n.gpus for n in nodes)
        return f"{address}: {cpus:g} CPUs, {gpus:g} GPUs"


def _workspace(stores: Stores) -> str:
    storage, root = stores.workspace.storage, stores.workspace.root
    if storage is not None:
        check_storage(storage.patient(_PATIENCE_S))
        return f"{storage.url}, writable, keeps to put-if-absent"
    if not root.exists():
        above = next(folder for folder in root.parents if folder.exists())
        if not (above.is_dir() and os.access(above, os.W_OK)):
            raise OrchestratorError(f"cannot make {root}: {above} is no folder that can be written")
        return f"{root}, not there yet; `submit` makes it"
    probe = root / ".doctor"
    probe.write_text("writable")
    probe.unlink()
    free = shutil.disk_usage(root).free / 2**30
    return f"{root}, writable, {free:,.0f} GiB free"


def _catalog(stores: Stores) -> str:
    from orchestrator.catalog.catalog import Catalog

    try:
        with Catalog.open(stores.catalog_url, create=False) as opened:
            return f"{opened.url}, {len(opened.sweeps())} sweeps"
    except CatalogMissingError:
        return f"{redacted(stores.catalog_url)}, nothing there yet; `submit` makes it"


def _tracking(stores: Stores) -> str:
    from orchestrator.registry.lookup import registered

    path = store_path(stores.tracking_uri)
    if path is not None and not holds_store(path):
        return f"{stores.shown_tracking}, nothing there yet; `submit` makes it"
    return f"{stores.shown_tracking}, {len(registered(stores.tracking_uri))} adapters registered"
