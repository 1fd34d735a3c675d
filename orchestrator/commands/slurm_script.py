"""`slurm`: write the batch script that runs a sweep on nodes of a Slurm cluster."""

import re
import shlex
import sys
from string import Template
from typing import Annotated

import typer

from orchestrator.commands.options import DEFAULT_WORKSPACE, SweepFile, WorkspaceOption
from orchestrator.errors import OrchestratorError

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
    adaptersweep submit $sweep --workspace $workspace --address "$$address"
""")


def slurm(
    sweep: SweepFile,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
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

    spec, _ = read_spec(sweep)
    if spec.resources.gpus > gpus_per_node:
        raise OrchestratorError(
            f"{sweep}: a worker takes {spec.resources.gpus:g} GPUs, the nodes were said to have "
            f"{gpus_per_node}; give what they have with --gpus-per-node"
        )
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
            workspace=shlex.quote(str(workspace.resolve())),
        )
    )


def _checked(option: str, value: str | None, form: re.Pattern[str], expected: str) -> str:
    """Return what Slurm is asked for, which may not become another line of the script.

    Raises:
        OrchestratorError: what is expected.
    """
    if value is not None and not form.fullmatch(value):
        raise OrchestratorError(f"--{option}: expected {expected}, found {value!r}")
    return value or ""
