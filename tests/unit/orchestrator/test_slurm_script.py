"""`adaptersweep slurm`: what Slurm is asked for, and that nothing else gets into the script."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.command_line import app
from orchestrator.errors import OrchestratorError


def made(*arguments: str | Path) -> str:
    done = CliRunner().invoke(
        app, ["slurm", *map(str, arguments)], catch_exceptions=False, standalone_mode=False
    )
    return done.output


def asked(script: str) -> dict[str, str]:
    """Return what Slurm reads: the directives before the first command."""
    found = {}
    for line in script.splitlines():
        if line.startswith("#SBATCH --"):
            name, _, value = line.removeprefix("#SBATCH --").partition("=")
            found[name] = value
        elif line and not line.startswith("#"):
            break
    return found


def command(script: str) -> list[str]:
    return shlex.split(script[script.index("srun ray symmetric-run") :].replace("\\\n", " "))


def test_slurm_is_asked_for_what_was_given(toy_sweep: Callable[..., Path], tmp_path: Path) -> None:
    wishes = ("--nodes", "3", "--gpus-per-node", "4", "--time", "2-00", "--partition", "long,gpu")
    script = made(toy_sweep(), "-w", tmp_path / "with space", *wishes)
    found = asked(script)
    assert (found["nodes"], found["ntasks-per-node"]) == ("3", "1")
    assert (found["gpus-per-node"], found["time"], found["partition"]) == ("4", "2-00", "long,gpu")
    assert "account" not in found
    assert found["job-name"] == "adaptersweep-toy"
    words = command(script)
    assert words[words.index("--num-gpus") + 1] == "4"
    assert words[words.index("--workspace") + 1] == str(tmp_path / "with space")
    assert words[words.index("--") + 1 :][:3] == ["adaptersweep", "submit", str(toy_sweep())]


def test_without_wishes_the_partition_decides(toy_sweep: Callable[..., Path]) -> None:
    found = asked(made(toy_sweep()))
    assert found.keys().isdisjoint({"time", "partition", "account", "gpus-per-node"})
    assert found["nodes"] == "1"


@pytest.mark.parametrize(
    "wish",
    [
        ("--time", "1\n#SBATCH --uid=0"),
        ("--partition", "a\nrm -rf ."),
        ("--account", "a b"),
        ("--time", "soon"),
    ],
)
def test_what_is_no_time_or_name_is_refused(
    wish: tuple[str, str], toy_sweep: Callable[..., Path]
) -> None:
    with pytest.raises(OrchestratorError, match=f"{wish[0]}: expected"):
        made(toy_sweep(), *wish)


def test_a_sweep_that_needs_gpus_is_not_sent_to_nodes_without(
    toy_sweep: Callable[..., Path],
) -> None:
    sweep = toy_sweep()
    sweep.write_text(sweep.read_text() + "resources: { gpus: 1 }\n")
    with pytest.raises(OrchestratorError, match=r"a worker takes 1 GPUs.*--gpus-per-node"):
        made(sweep)
    assert asked(made(sweep, "--gpus-per-node", "2"))["gpus-per-node"] == "2"


def test_the_script_passes_shellcheck(toy_sweep: Callable[..., Path], tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(made(toy_sweep(), "-w", tmp_path / "it's"))
    check = [str(Path(sys.executable).parent / "shellcheck"), str(script)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
