"""`slurm`: write the batch script that runs a sweep on nodes of a Slurm cluster."""

import re
import shlex
import sys
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.commands.options import DEFAULT_WORKSPACE, SetOption, SweepFile, WorkspaceOption
from orchestrator.errors import OrchestratorError
from workers.contract.storage.addresses import is_url, workspace_address

if TYPE_CHECKING:
    from orchestrator.spec.model import Resources

_TIME = re.compile(r"(\d+-)?\d+(:\d+){0,2}")
_WORD = re.compile(r"[\w.,-]+")
_OTHER_CHARACTERS = re.compile(r"[^\w.-]")

_SCRIPT = Template("""\
#!/bin/bash
# Made by `adaptersweep slurm`, for sbatch. Started again, it goes on where it stopped.
#SBATCH --job-name=$name
#SBATCH --nodes=$nodes
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
# Long enough before the end for a checkpoint.
#SBATCH --signal=TERM@120
$wishes
set -euo pipefail

# Ray's nodes of this job trust each other by this, and nobody else.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$$HOME/.ray-token-$$SLURM_JOB_ID"
(umask 077 && head --bytes=24 /dev/urandom | base64 >"$$RAY_AUTH_TOKEN_PATH")
trap 'rm -f "$$RAY_AUTH_TOKEN_PATH"' EXIT
export RAY_USAGE_STATS_ENABLED=0 RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
export RAY_TMPDIR="/tmp/ray-$$SLURM_JOB_ID" # not the /tmp/ray of whoever was here before

head=$$(scontrol show hostnames "$$SLURM_JOB_NODELIST" | head --lines=1)
address="$$head:$$((20000 + SLURM_JOB_ID % 10000))"

srun ray symmetric-run --address "$$address" --min-nodes "$$SLURM_JOB_NUM_NODES" \\
    --num-cpus "$$SLURM_CPUS_ON_NODE" --num-gpus $gpus --object-store-memory 200000000 -- \\
    adaptersweep submit $sweep$values --workspace $workspace --address "$$address"
""")


def slurm(
    sweep: SweepFile,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    values: SetOption = None,
    nodes: Annotated[int, typer.Option(min=1, help="How many nodes.")] = 1,
    gpus_per_node: Annotated[int, typer.Option(min=0, help="GPUs of each node.")] = 0,
    time: Annotated[
        str | None, typer.Option(help="Limit, such as 12:00:00 or 2-00. (default: the partition's)")
    ] = None,
    partition: Annotated[str | None, typer.Option(help="Partition to wait in.")] = None,
    account: Annotated[str | None, typer.Option(help="Account to charge.")] = None,
) -> None:
    """Print a batch script for Slurm that runs a sweep: `adaptersweep slurm x.yaml | sbatch`."""
    from orchestrator.spec.read import read_spec

    spec, _ = read_spec(sweep, values or ())
    _check_nodes(sweep, spec.resources, gpus_per_node)
    wishes = {
        "gpus-per-node": str(gpus_per_node or ""),
        "time": _checked("time", time, _TIME, "minutes, HH:MM:SS or DAYS-HH"),
        "partition": _checked("partition", partition, _WORD, "a name"),
        "account": _checked("account", account, _WORD, "a name"),
    }
    sys.stdout.write(
        _SCRIPT.substitute(
            name=f"adaptersweep-{_OTHER_CHARACTERS.sub('-', spec.name)}",
            nodes=nodes,
            wishes="".join(f"#SBATCH --{k}={v}\n" for k, v in wishes.items() if v),
            gpus=gpus_per_node,
            sweep=shlex.quote(str(sweep.resolve())),
            values="".join(f" --set {shlex.quote(each)}" for each in values or ()),
            workspace=shlex.quote(_address(workspace)),
        )
    )


def _check_nodes(sweep: Path, wanted: "Resources", gpus_per_node: int) -> None:
    """Refuse what the nodes of the script will not have, which are all alike.

    Raises:
        OrchestratorError: more GPUs, or a resource of another name.
    """
    kinds = [wanted.of_kind(number) for number in range(len(wanted.kinds) + 1)]
    gpus = max(kind.gpus for kind in kinds)
    if gpus > gpus_per_node:
        raise OrchestratorError(
            f"{sweep}: a worker takes {gpus:g} GPUs, the nodes were said to have "
            f"{gpus_per_node}; give what they have with --gpus-per-node"
        )
    for name in (name for kind in kinds for name in kind.custom or ()):
        raise OrchestratorError(
            f"{sweep}: a worker takes {name!r} of a node, and this script starts all nodes alike, "
            "without it; drop it from `custom`, or start Ray on the nodes yourself, with "
            "`--resources`"
        )


def _address(workspace: Path) -> str:
    address = workspace_address(workspace)
    return address if is_url(address) else str(Path(address).resolve())


def _checked(option: str, value: str | None, form: re.Pattern[str], expected: str) -> str:
    """Return what Slurm is asked for, which may not become another line of the script.

    Raises:
        OrchestratorError: what is expected.
    """
    if value is not None and not form.fullmatch(value):
        raise OrchestratorError(f"--{option}: expected {expected}, found {value!r}")
    return value or ""
