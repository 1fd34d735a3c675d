"""From a winner to a registered adapter, and back to a verified folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.catalog import Catalog
from orchestrator.errors import RegistryError, TrackingError
from orchestrator.mlflow.mirror import Publisher
from orchestrator.mlflow.runs import connect
from orchestrator.planning.selection import Standing, Winner
from orchestrator.registry.lookup import find, pull, registered, verify
from orchestrator.registry.registration import register_winner
from workers.contract.checksums import folder_digest, listing_digest


@pytest.fixture
def catalog(stores):
    with Catalog.open(stores.catalog_url) as opened:
        yield opened


def test_what_is_registered_is_found_and_pulled(register, stores, samples, tmp_path):
    trial = samples.trial(task="docs/library", depth=2)
    made = register(trial)
    uri = stores.tracking_uri
    found = find("docs/library@champion", tracking_uri=uri)
    assert found == made == find("docs/library@1", tracking_uri=uri)
    assert found == find("minilm/docs/library@champion", tracking_uri=uri, base=None)
    assert (found.name, found.version, found.aliases) == (
        "docs-library--minilm",
        "1",
        ("champion",),
    )
    assert (found.task, found.base, found.trial_id) == ("docs/library", "minilm", trial.trial_id)
    assert (found.score, found.metric, found.score_std, found.seeds) == (0.7, "accuracy", 0.01, 3)
    assert (found.drop_depth, found.parameters, found.size_bytes) == (2, 118_000, 7)
    assert found.base_weights_sha256 == "53aa" * 16

    target = tmp_path / "a" / "b"
    assert pull("docs/library@champion", target, tracking_uri=uri) == target
    assert {p.name for p in target.iterdir()} == {"adapter.json", "adapter.safetensors"}
    assert folder_digest(target)[1] == found.digest
    assert [p.name for p in target.parent.iterdir()] == ["b"]  # no half-way folder is left


def test_registering_twice_is_registering_once(register, catalog, stores, samples):
    trial = samples.trial()
    assert register(trial) == register(trial)
    client = connect(stores.tracking_uri)
    assert len(client.search_model_versions("name = 'rte--minilm'")) == 1
    assert len(catalog.alias_moves()) == 1


def test_an_alias_moves_and_its_history_stays(register, catalog, stores, samples):
    first, second = samples.trial(seed=1), samples.trial(seed=2)
    register(first, score=0.6)
    register(second, score=0.8)
    register(second, "smallest", score=0.8)
    found = find("rte@champion", tracking_uri=stores.tracking_uri)
    assert (found.trial_id, found.version) == (second.trial_id, "2")
    assert found.aliases == ("champion", "smallest")
    assert find("rte@1", tracking_uri=stores.tracking_uri).aliases == ()
    history = [(m.alias, m.to_version, m.score) for m in catalog.alias_moves(name="rte--minilm")]
    assert history == [("champion", "1", 0.6), ("champion", "2", 0.8), ("smallest", "2", 0.8)]
    assert registered(stores.tracking_uri) == [found]


def test_a_version_belongs_to_its_trials_run(register, catalog, stores, samples):
    trial = samples.trial()
    catalog.begin_submission("s", "", [trial])
    publisher = Publisher(catalog, stores, "s")
    publisher.start()
    try:
        catalog.record_epoch("s", trial.trial_id, samples.epoch(1))
        assert publisher.drain(60) == 0
    finally:
        publisher.stop()
    made = register(trial)
    client = connect(stores.tracking_uri)
    run_id = catalog.mlflow_runs("s", stores.tracking_identity)[trial.trial_id]
    version = client.get_model_version(made.name, made.version)
    assert version.run_id == run_id
    experiment = client.get_experiment_by_name("adaptersweep/s").experiment_id
    (logged,) = client.search_logged_models([experiment])
    assert (logged.source_run_id, logged.status) == (run_id, "READY")
    assert '"name": "rte--minilm"' in logged.tags["mlflow.modelVersions"]


def test_names_that_look_alike_stay_apart(register, stores, samples):
    one = register(samples.trial(task="docs/library"))
    other = register(samples.trial(task="docs-library"))
    assert one.name != other.name
    for task, made in (("docs/library", one), ("docs-library", other)):
        assert find(f"{task}@champion", tracking_uri=stores.tracking_uri) == made


def on_base(trial, name):
    base = trial.base.model_copy(update={"name": name, "identity": f"sha256:{name}"})
    return trial.model_copy(update={"base": base})


def test_a_task_over_several_bases_needs_to_be_told_which(register, stores, samples):
    uri = stores.tracking_uri
    register(samples.trial())
    other = register(on_base(samples.trial(), "roberta"))
    with pytest.raises(RegistryError, match="several base models: minilm, roberta; say which"):
        find("rte@champion", tracking_uri=uri)
    assert find("rte@champion", tracking_uri=uri, base="roberta") == other
    assert find("roberta/rte@champion", tracking_uri=uri) == other


def test_what_is_not_there_is_refused_with_what_is(register, stores, samples):
    uri = stores.tracking_uri
    with pytest.raises(RegistryError, match="no adapter of rte is registered; there are: none yet"):
        find("rte@champion", tracking_uri=uri)
    register(samples.trial())
    for reference, message in {
        "cola@champion": "no adapter of cola is registered; there are: rte@champion",
        "rte@best": "rte has no adapter 'best'; it has: rte@champion, rte@1",
        "rte@2": "rte has no adapter '2'; it has: rte@champion, rte@1",
        "rte": "expected TASK@ALIAS or TASK@VERSION",
        "@champion": "expected TASK@ALIAS or TASK@VERSION",
    }.items():
        with pytest.raises(RegistryError, match=message):
            find(reference, tracking_uri=uri)
    with pytest.raises(RegistryError, match="no adapter of rte over base bert"):
        find("rte@champion", tracking_uri=uri, base="bert")


def stored(stores, name) -> Path:
    """Find a registered file where MLflow keeps it."""
    (path,) = [p for p in stores.workspace.mlflow_artifacts.rglob(name) if "models" in p.parts]
    return path


@pytest.mark.parametrize("name", ["adapter.json", "adapter.safetensors"])
def test_an_adapter_damaged_by_one_byte_is_refused(register, stores, samples, tmp_path, name):
    register(samples.trial())
    path = stored(stores, name)
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    with pytest.raises(RegistryError, match=f"{name} in .* is damaged: expected SHA-256"):
        pull("rte@champion", tmp_path / "target", tracking_uri=stores.tracking_uri)
    assert not (tmp_path / "target").exists()


def test_a_missing_file_is_refused(register, stores, samples, tmp_path):
    register(samples.trial())
    stored(stores, "adapter.safetensors").unlink()
    with pytest.raises(RegistryError, match=r"adapter\.safetensors in .* is missing"):
        pull("rte@champion", tmp_path / "target", tracking_uri=stores.tracking_uri)
    assert not (tmp_path / "target").exists()


def test_what_lies_beside_the_files_is_left_out(register, stores, samples, tmp_path):
    """MLflow itself writes there when one of its own calls fetches a model."""
    made = register(samples.trial())
    code = """if True:
        import sys, mlflow
        mlflow.set_tracking_uri(sys.argv[1])
        mlflow.artifacts.download_artifacts("models:/rte--minilm@champion")
        mlflow.models.get_model_info("models:/rte--minilm@champion")
    """
    quiet = ["-W", "ignore", "-c", code, stores.tracking_uri]
    subprocess.run([sys.executable, *quiet], check=True, capture_output=True, timeout=120)
    assert stored(stores, "registered_model_meta").is_file(), "or this test shows nothing"
    stored(stores, "adapter.json").with_name("code.py").write_text("import os")
    target = pull("rte@champion", tmp_path / "target", tracking_uri=stores.tracking_uri)
    assert {p.name for p in target.iterdir()} == {"adapter.json", "adapter.safetensors"}
    assert folder_digest(target)[1] == made.digest


def test_a_stray_file_in_a_trials_folder_is_not_uploaded(register, stores, samples):
    trial = samples.trial()
    register(trial, stray="notes.txt")
    assert not list(stores.workspace.mlflow_artifacts.rglob("notes.txt"))
    assert find("rte@champion", tracking_uri=stores.tracking_uri).trial_id == trial.trial_id


def test_a_listed_file_that_leads_elsewhere_is_refused(tmp_path):
    for name in ("../secret", "/etc/passwd"):
        files = {name: "0" * 64}
        with pytest.raises(RegistryError, match="leads out of"):
            verify(tmp_path, files, listing_digest(files))


@pytest.mark.parametrize(
    ("tag", "value", "said"),
    [
        ("score", "high", "tag score"),
        ("files", "{", "not JSON"),
        ("files", "[" * 100_000, "JSON"),
        ("files", "3", "tag files"),
        ("seeds", None, "tag seeds"),
        ("withdrawn", "yes", "not JSON"),
    ],
)
def test_tags_that_somebody_changed_are_said(register, stores, samples, tmp_path, tag, value, said):
    made = register(samples.trial())
    client = connect(stores.tracking_uri)
    if value is None:
        client.delete_model_version_tag(made.name, made.version, tag)
    else:
        client.set_model_version_tag(made.name, made.version, tag, value)
    for ask in (find, lambda r, **o: pull(r, tmp_path / "target", **o)):
        with pytest.raises(RegistryError, match=f"version 1 of rte--minilm .*{said}"):
            ask("rte@champion", tracking_uri=stores.tracking_uri)


def test_a_model_that_only_looks_like_ours_hurts_nobody(register, stores, samples, tmp_path):
    connect(stores.tracking_uri).create_registered_model("theirs", tags={"adaptersweep": "adapter"})
    made = register(samples.trial())
    assert find("rte@champion", tracking_uri=stores.tracking_uri) == made
    assert registered(stores.tracking_uri) == [made]
    pull("rte@champion", tmp_path / "target", tracking_uri=stores.tracking_uri)


def test_reading_creates_no_store(tmp_path):
    uri = f"sqlite:///{tmp_path / 'workspace' / 'mlflow.sqlite'}"
    with pytest.raises(TrackingError, match=r"no MLflow store in .*; submit a sweep first"):
        pull("rte@champion", tmp_path / "target", tracking_uri=uri)
    assert list(tmp_path.iterdir()) == []


def test_forged_checksums_are_refused(register, stores, samples, tmp_path):
    made = register(samples.trial())
    path = stored(stores, "adapter.safetensors")
    path.write_bytes(b"others!")
    client = connect(stores.tracking_uri)
    files, _ = folder_digest(path.parent)
    del files["MLmodel"]
    forged = str(files).replace("'", '"')
    client.set_model_version_tag(made.name, made.version, "files", forged)
    with pytest.raises(RegistryError, match="its tags were changed"):
        pull("rte@champion", tmp_path / "target", tracking_uri=stores.tracking_uri)


def test_a_target_that_holds_something_else_is_kept(register, stores, samples, tmp_path):
    uri, target = stores.tracking_uri, tmp_path / "target"
    register(samples.trial(seed=1))
    target.mkdir()
    pull("rte@champion", target, tracking_uri=uri)  # an empty folder may be filled
    before = (target / "adapter.json").stat().st_mtime_ns
    pull("rte@champion", target, tracking_uri=uri)
    assert (target / "adapter.json").stat().st_mtime_ns == before  # the same one is left alone

    register(samples.trial(seed=2), weights=b"other weights", score=0.8)
    with pytest.raises(RegistryError, match="say --overwrite"):
        pull("rte@champion", target, tracking_uri=uri)
    assert (target / "adapter.safetensors").read_bytes() == b"weights"
    pull("rte@champion", target, tracking_uri=uri, overwrite=True)
    assert (target / "adapter.safetensors").read_bytes() == b"other weights"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["target", "workspace"]


def test_files_that_are_not_those_of_the_result_are_not_registered(catalog, stores, samples):
    trial = samples.trial()
    adapter = samples.adapter(stores, trial)
    (stores.workspace.trial(trial.trial_id).adapter / "adapter.safetensors").write_bytes(b"weightz")
    standing = Standing(
        trial,
        samples.result(trial, adapter=adapter),
        "accuracy",
        0.7,
        mean=0.7,
        std=None,
        seeds=1,
        planned=1,
    )
    with pytest.raises(RegistryError, match=r"adapter\.safetensors in .* is damaged"):
        register_winner(catalog, stores, Winner("champion", standing))
    without = Standing(
        trial, samples.result(trial), "accuracy", 0.7, mean=0.7, std=None, seeds=1, planned=1
    )
    with pytest.raises(RegistryError, match="left no adapter to register"):
        register_winner(catalog, stores, Winner("champion", without))
    assert catalog.alias_moves() == []
