"""What `docker/` holds: manifests by their schemas, scripts by shellcheck, and that they agree."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
SCRIPTS = sorted((DOCKER / "start").glob("*.sh"))
NOT_STARTED = {"environment.sh", "secrets.sh", "client.sh", "ray-node.sh"}
"""Scripts that people or other scripts run."""
KUBERNETES = sorted((DOCKER / "kubernetes").glob("*.yaml"))
KUBERNETES_VERSION = "1.31"


def schema(name: str) -> Any:
    return yaml.safe_load((ROOT / "tests" / "schemas" / name).read_text())


def manifests() -> list[Any]:
    return [
        pytest.param(document, id=f"{path.stem}-{document['kind']}")
        for path in KUBERNETES
        for document in yaml.safe_load_all(path.read_text())
    ]


def clusters() -> list[Any]:
    found = [m for param in manifests() for m in param.values if m["apiVersion"] == "ray.io/v1"]
    return [m["spec"] if m["kind"] == "RayCluster" else m["spec"]["rayClusterSpec"] for m in found]


def pods() -> list[Any]:
    return [
        group["template"]
        for cluster in clusters()
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    ]


def locked(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)", (ROOT / "requirements.lock").read_text(), re.M)
    assert found
    return found[1]


def compose(name: str = "compose.yaml") -> Any:
    return yaml.safe_load((DOCKER / name).read_text())


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml"])
def test_compose_files_keep_to_their_schema(name: str) -> None:
    place = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    published = json.loads(place.read_text())
    jsonschema.validate(compose(name), published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(compose(name) | {"service": {}}, published)


@pytest.mark.parametrize("manifest", manifests())
def test_manifests_of_kubernetes_keep_to_their_schemas(manifest: Any) -> None:
    if manifest["apiVersion"] == "ray.io/v1":
        jsonschema.validate(manifest, schema("kuberay.yaml"))
        wrong = manifest | {"spec": manifest["spec"] | {"replica": 1}}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema("kuberay.yaml"))
    else:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize("pod", pods())
def test_pods_keep_to_their_schema_and_run_without_rights(pod: Any) -> None:
    whole = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "a"}, "template": pod}
    kubernetes_validate.validate(whole, KUBERNETES_VERSION, strict=True)
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    mounted = {volume["name"] for volume in pod["spec"]["volumes"]}
    for container in pod["spec"]["containers"]:
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= mounted


def test_clusters_of_kubernetes_have_rays_version_and_its_token() -> None:
    assert len(clusters()) == 3
    for cluster in clusters():
        assert cluster["rayVersion"] == locked("ray")
        assert cluster["authOptions"] == {"mode": "token"}
        assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_the_default_job_has_a_fixed_number_of_workers_and_waits_for_its_queue() -> None:
    job = yaml.safe_load((DOCKER / "kubernetes" / "ray-job.yaml").read_text())
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    assert job["spec"]["suspend"] is True
    assert "enableInTreeAutoscaling" not in job["spec"]["rayClusterSpec"]
    for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
        assert group["replicas"] == group["minReplicas"] == group["maxReplicas"]


def test_skypilots_task_keeps_to_its_schema() -> None:
    task = yaml.safe_load((DOCKER / "skypilot.yaml").read_text())
    jsonschema.validate(task, schema("skypilot.yaml"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(task | {"nodes": 2}, schema("skypilot.yaml"))
    assert set(task["secrets"].values()) == {None}, "no secret stands in a file"


def test_containers_start_what_is_there_with_secrets_that_are_made() -> None:
    services = compose()["services"]
    started = {
        Path(word).name
        for service in services.values()
        for word in (*service.get("command", ()), *service.get("entrypoint", ()))
        if str(word).startswith("/opt/start/")
    }
    assert started == {p.name for p in SCRIPTS} - NOT_STARTED
    made = re.search(r"^for name in (.*); do$", (DOCKER / "start/secrets.sh").read_text(), re.M)
    assert made
    assert set(compose()["secrets"]) == set(made[1].split())
    for name, service in services.items():
        wanted = set(re.findall(r"(?:\(secret |SECRETS\S*/)([a-z][a-z0-9-]*)", _read_by(service)))
        assert wanted <= set(service["secrets"]), name


def _read_by(service: Any) -> str:
    words = [*service.get("command", ()), *service.get("entrypoint", ())]
    scripts = [DOCKER / "start" / Path(w).name for w in words if str(w).startswith("/opt/start/")]
    texts = [script.read_text() for script in scripts]
    if any("/environment.sh" in text for text in texts):
        texts.append((DOCKER / "start" / "environment.sh").read_text())
    return re.sub(r"^\s*#.*$", "", "\n".join(texts), flags=re.M)


def test_containers_publish_on_loopback_alone_and_have_no_rights() -> None:
    for service in compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert service["cap_drop"] == ["ALL"]


def test_images_are_pinned_and_end_as_an_ordinary_user() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    bases = set(re.findall(r"^ARG PYTHON=(\S+)$", text, re.M))
    assert len(bases) == 1
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases)
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    for name in ("server", "sweep"):
        stage = next(s for s in stages if s.partition("\n")[0].endswith(f" AS {name}"))
        assert re.findall(r"^USER (\S+)$", stage, re.M) == ["1000"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*extras["dependencies"], *extras["optional-dependencies"]["cluster"]]
    for requirement in wanted:
        assert locked(re.split(r"[\[<>=;]", requirement)[0])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_pass_shellcheck(script: Path) -> None:
    check_script(script)


def check_script(script: Path) -> None:
    command = Path(sys.executable).parent / "shellcheck"
    asked = [str(command), "-x", "-P", str(DOCKER / "start"), str(script)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_skypilots_commands_pass_shellcheck(tmp_path: Path) -> None:
    task = yaml.safe_load((DOCKER / "skypilot.yaml").read_text())
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/bash\n# shellcheck disable=SC1091\n" + task["run"])
    check_script(script)
