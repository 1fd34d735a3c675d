"""What `--cluster` stands for, and what it is given by."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.command_line import app
from orchestrator.commands.cluster_submitting import Places
from orchestrator.commands.profiles import ClusterProfile, find_profile
from orchestrator.errors import OrchestratorError

PROFILE = """
[clusters.lab]
url = "http://head:8265"
workspace = "{workspace}"
token_file = "~/lab-token"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(PROFILE.format(workspace=tmp_path / "shared"))
    monkeypatch.setenv("ADAPTERSWEEP_CONFIG", str(path))
    return path


def test_a_profile_is_found_by_name_and_a_url_is_one(config: Path) -> None:
    found = find_profile("lab")
    assert (found.url, found.token_file) == ("http://head:8265", "~/lab-token")
    assert find_profile("https://head") == ClusterProfile(url="https://head")


def test_a_cluster_that_is_none_is_said(config: Path) -> None:
    with pytest.raises(OrchestratorError, match=r"config.toml, which has: lab; found lap"):
        find_profile("lap")
    with pytest.raises(OrchestratorError, match="dashboard, such as http://HEAD:8265"):
        find_profile("ray://head:10001")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[clusters.lab]\n", r"clusters\.lab\.url: Field required; a profile is a table"),
        ("[clusters.lab]\nurl = 'u'\nport = 1\n", r"clusters\.lab\.port"),
        ("[clusters", "cannot read"),
    ],
)
def test_a_wrong_configuration_file_is_said(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    with pytest.raises(OrchestratorError, match=said):
        find_profile("lab")


def test_a_profile_gives_defaults_that_options_come_before(config: Path, tmp_path: Path) -> None:
    def catalog_asked(*options: str) -> str:
        done = CliRunner().invoke(app, ["list", *options])
        return str(done.exception)

    assert str(tmp_path / "shared") in catalog_asked("--cluster", "lab")
    elsewhere = str(tmp_path / "elsewhere")
    assert elsewhere in catalog_asked("--cluster", "lab", "--workspace", elsewhere)
    assert str(tmp_path / "shared") not in catalog_asked()
    doctor = CliRunner().invoke(app, ["doctor", "--cluster", "lab", "--json"])
    assert str(tmp_path / "shared") in json.dumps(json.loads(doctor.stdout))


def test_what_no_driver_on_a_cluster_can_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OrchestratorError, match="--detach: expected --cluster"):
        Places(None, tmp_path, None, None).check()
    with pytest.raises(OrchestratorError, match="absolute path"):
        Places("http://head:8265", Path("workspace"), None, None).check()
