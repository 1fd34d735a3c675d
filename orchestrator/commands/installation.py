"""`mlflow` and `doctor`: the installation itself."""

import importlib.metadata
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markup import escape

from orchestrator.commands.output import console, print_json, table
from orchestrator.errors import OrchestratorError
from orchestrator.stores import Stores

log = logging.getLogger(__name__)

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
        console().print(f"MLflow runs already: open {stores.tracking_uri}")
        return 0
    embedded = stores.workspace.root / "mlflow.sqlite"
    if tracking is None and not embedded.exists():
        raise OrchestratorError(
            f"no MLflow store in {stores.workspace.root}; expected {embedded.name} there: submit a "
            "sweep first, or give --workspace or --tracking"
        )
    page = "#/experiments?workflowType=machine_learning"  # its other mode is for chat traces
    console().print(f"MLflow: http://{host}:{port}/{page}  (Ctrl-C stops it)", soft_wrap=True)
    command = [
        sys.executable,
        *("-m", "mlflow", "server"),
        *("--backend-store-uri", stores.tracking_uri),
        *("--artifacts-destination", stores.workspace.mlflow_artifacts.as_uri()),
        *("--host", host, "--port", str(port), "--workers", "1"),
    ]
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        return process.wait() and 0


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
        ("CPU kernels", _kernels),
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
        return Finding(what, False, f"{type(error).__name__}: {error}".splitlines()[0])


def _version(name: str) -> Callable[[], str]:
    return lambda: importlib.metadata.version(name)


def _gpus() -> str:
    import torch

    if not torch.cuda.is_available():
        return f"no GPU that torch {torch.__version__} can use"
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"{len(names)} GPUs: {', '.join(names)}"


def _kernels() -> str:
    from adapter_lib.cpu_kernels.compiled import describe

    return describe()


def _ray(address: str | None) -> str:
    if address is None:
        return "none given; `submit` starts one on this machine"
    from orchestrator.scheduling import cluster

    with cluster(address) as nodes:
        cpus, gpus = sum(n.cpus for n in nodes), sum(n.gpus for n in nodes)
        return f"{address}: {cpus:g} CPUs, {gpus:g} GPUs"


def _workspace(stores: Stores) -> str:
    stores.prepare()
    probe = stores.workspace.root / ".doctor"
    probe.write_text("writable")
    probe.unlink()
    free = shutil.disk_usage(stores.workspace.root).free / 2**30
    return f"{stores.workspace.root}, writable, {free:,.0f} GiB free"


def _catalog(stores: Stores) -> str:
    from orchestrator.catalog.catalog import Catalog

    with Catalog.open(stores.catalog_url) as opened:
        return f"{opened.url}, {len(opened.sweeps())} sweeps"


def _tracking(stores: Stores) -> str:
    from orchestrator.registry import registered

    return f"{stores.tracking_uri}, {len(registered(stores.tracking_uri))} adapters registered"
