"""What `precision: auto` stands for, and what is said of what cannot be pinned."""

from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.planning.resolve import auto_precision, pin
from orchestrator.spec.read import read_spec
from workers.contract.trial import Precision


@pytest.mark.parametrize(
    ("flags", "gpus", "expected"),
    [
        ("flags: fpu avx2 avx512_bf16", 0, Precision.BFLOAT16),
        ("flags: fpu amx_bf16", 0, Precision.BFLOAT16),
        ("flags: fpu avx2", 0, Precision.FLOAT32),
        ("flags: fpu avx2", 0.5, Precision.BFLOAT16),
    ],
)
def test_auto_precision_follows_the_hardware(
    tmp_path: Path, flags: str, gpus: float, expected: Precision
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(flags)
    assert auto_precision(gpus=gpus, cpuinfo=cpuinfo) is expected


def test_auto_precision_is_safe_where_the_processor_says_nothing(tmp_path: Path) -> None:
    assert auto_precision(gpus=0, cpuinfo=tmp_path / "none") is Precision.FLOAT32


TOP = """\
name: example
base_models: { small: { source: "BASE" } }
tasks: { mine: { TASK } }
"""


@pytest.mark.parametrize(
    ("base", "task", "said"),
    [
        ("hub:a b c", "hub: glue/rte", "2: base_models.small: hub:a b c: cannot pin"),
        ("hub:a/b", "hub: glue/rte", "2: base_models.small: hub:a/b: cannot pin revision main"),
        ("package:a/b ; c", "hub: glue/rte", "2: base_models.small: package:a/b ; c: expected"),
        ("folder:" + "x" * 300, "hub: glue/rte", "2: base_models.small: cannot be read:"),
        (
            None,
            "folder: " + "x" * 300,
            "is no path of a folder here: [Errno 36] File name too long",
        ),
        (None, "hub: ~nobody-of-this-name/x", "~nobody-of-this-name/x does not exist"),
        (None, "hub: a b", "3: tasks.mine: task 'mine': cannot tell which commit"),
    ],
)
def test_what_cannot_be_pinned_is_named(
    tmp_path: Path, base: str | None, task: str, said: str
) -> None:
    text = TOP.replace("TASK", task)
    if base is None:
        size = "layers: 4, hidden_size: 64"
        text = text.replace('"BASE"', f'"hub:a/b", revision: "{"0" * 40}", {size}')
    path = tmp_path / "sweep.yaml"
    path.write_text(text.replace("BASE", base or ""))
    spec, source = read_spec(path)
    with pytest.raises(SpecError) as caught:
        pin(spec, source)
    assert said in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import HTTPError

    def unreachable(*_: object, **__: object) -> None:
        raise HTTPError("[Errno -2] Name or service not known")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    path = tmp_path / "sweep.yaml"
    path.write_text(TOP.replace("BASE", "hub:a/b").replace("TASK", "hub: glue/rte"))
    spec, source = read_spec(path)
    with pytest.raises(SpecError, match=r"2: base_models\.small: hub:a/b: cannot pin"):
        pin(spec, source)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("7.0\n7.5", Precision.FLOAT32),
        ("7.0\n9.0", Precision.BFLOAT16),
        ("No devices were found", Precision.BFLOAT16),
        (None, Precision.BFLOAT16),  # a laptop that submits to a cluster
    ],
)
def test_auto_precision_asks_the_driver_for_the_gpus_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None, expected: Precision
) -> None:
    if answer is not None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\nprintf '{answer}'\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert auto_precision(gpus=0.5) is expected
