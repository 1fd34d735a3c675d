"""Clusters by name: what `--cluster` stands for, from a configuration file of the user's.

A profile gives the defaults of a command's other options; what is given on the command line or in
the environment comes before it.
"""

import os
import tomllib
from pathlib import Path

import typer
from pydantic import Field, ValidationError

from orchestrator.errors import OrchestratorError
from workers.contract.frozen import Frozen

CONFIG_VARIABLE = "ADAPTERSWEEP_CONFIG"


class ClusterProfile(Frozen):
    """A cluster, and where its stores are.

    Attributes:
        url: of its dashboard, for Ray's Jobs API.
        workspace: on the cluster.
        catalog, tracking: as this machine and the cluster reach them.
        token_file: on this machine.
    """

    url: str
    workspace: str | None = None
    catalog: str | None = None
    tracking: str | None = None
    token_file: str | None = None


class _Config(Frozen):
    clusters: dict[str, ClusterProfile] = Field(default_factory=dict)


def config_file() -> Path:
    """Return the place of the configuration file."""
    if given := os.environ.get(CONFIG_VARIABLE):
        return Path(given).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "adaptersweep" / "config.toml"


def find_profile(cluster: str) -> ClusterProfile:
    """Return what `--cluster` names: the URL of a dashboard, or a profile.

    Raises:
        OrchestratorError: neither, or the configuration file is wrong.
    """
    if "://" in cluster:
        if not cluster.startswith(("http://", "https://")):
            raise OrchestratorError(
                f"--cluster: expected the URL of a Ray cluster's dashboard, such as "
                f"http://HEAD:8265, or the name of a profile; found {cluster}"
            )
        return ClusterProfile(url=cluster)
    path = config_file()
    profiles = _read(path).clusters
    if cluster not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise OrchestratorError(
            f"--cluster: expected http://HEAD:8265 or a profile in {path}, which has: {known}; "
            f"found {cluster}"
        )
    return profiles[cluster]


def _read(path: Path) -> _Config:
    try:
        return _Config.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return _Config()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OrchestratorError(f"cannot read {path}: {error}; correct it") from error
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = ".".join(map(str, wrong["loc"]))
        raise OrchestratorError(
            f"{path}: {where}: {wrong['msg']}; a profile is a table [clusters.NAME] with "
            f"{', '.join(ClusterProfile.model_fields)}"
        ) from error


def use_profile(context: typer.Context, cluster: str) -> None:
    """Let a cluster's profile give the defaults of a command's other options.

    Raises:
        OrchestratorError: there is no such profile.
    """
    profile = find_profile(cluster).model_dump(exclude={"url", "token_file"})
    context.default_map = {name: value for name, value in profile.items() if value}
