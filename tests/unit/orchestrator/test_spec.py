"""Reading the sweep YAML: what it means, and what is said when it is wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from adapter_lib.config.configuration import Placement
from orchestrator.errors import SpecError
from orchestrator.spec.axes import AXES
from orchestrator.spec.blocks import SourceSeed
from orchestrator.spec.model import Condition, Ranking, SweepSpec
from orchestrator.spec.read import read_spec
from workers.contract.task_card import Metric
from workers.contract.trial import DropMode, Method

HEAD = """\
name: example
base_models:
  small: { source: "hub:a/b" }
tasks:
  rte: { hub: glue/rte }
"""
FIRST_LINE = HEAD.count("\n") + 1
"""Where the text that a test adds below `HEAD` begins."""


def read(folder: Path, text: str) -> SweepSpec:
    path = folder / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path)[0]


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read(folder, text)
    return str(caught.value)


def test_every_axis_is_a_value_or_a_list(tmp_path: Path) -> None:
    spec = read(
        tmp_path,
        HEAD
        + "seeds: [3, 5]\n"
        + "adapter: { placement: houlsby, reduction_factor: [2, 16] }\n"
        + "drop: { mode: specialised, depth: all }\n"
        + "training: { learning_rate: 1e-4, patience: [null, 2] }\n"
        + "select: { metric: f1, rank: best_trial }\n",
    )
    assert spec.seeds == (3, 5)
    assert spec.adapter.placement == (Placement.HOULSBY,)
    assert spec.adapter.reduction_factor == (2.0, 16.0)
    assert spec.drop.mode == (DropMode.SPECIALISED,)
    assert spec.drop.depth == "all"
    assert spec.training.learning_rate == (0.0001,)
    assert spec.training.patience == (None, 2)
    assert spec.select[0].metric is Metric.F1
    assert spec.select[0].rank is Ranking.BEST_TRIAL


def test_the_shortest_sweep_has_defaults(tmp_path: Path) -> None:
    spec = read(tmp_path, HEAD)
    assert spec.seeds == (0,)
    assert spec.method == (Method.ADAPTER,)
    assert len(spec.trials) == 1
    assert spec.fusion == ()
    assert [rule.alias for rule in spec.select] == ["champion"]


def test_a_condition_compares_values_and_not_their_spelling(tmp_path: Path) -> None:
    # YAML reads 1e-4 as text: only with a dot is it a number.
    spec = read(
        tmp_path, HEAD + "exclude:\n  - { learning_rate: 1e-4, keep: null, seed: [0, 1] }\n"
    )
    assert spec.exclude[0].given == {"learning_rate": (0.0001,), "keep": (None,), "seed": (0, 1)}


def test_source_selection_has_its_own_defaults(tmp_path: Path) -> None:
    spec = read(tmp_path, HEAD + "fusion:\n  - targets: rte\n")
    assert spec.fusion[0].sources.tasks == ("all",)
    assert spec.fusion[0].sources.seed is SourceSeed.SAME
    assert spec.fusion[0].sources.where == Condition()


def test_conditions_and_trials_have_the_same_axes() -> None:
    assert set(AXES) == set(Condition.model_fields)


def test_a_specification_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        read(tmp_path, HEAD).name = "other"  # type: ignore[misc]


WRONG_VALUES = [
    pytest.param("sede: 1", "sede", ["unknown key", "did you mean `seeds`?"], id="unknown key"),
    pytest.param(
        "training: { epoch: 3 }",
        "training.epoch",
        ["unknown key", "did you mean `epochs`?", "known here: optimiser, learning_rate"],
        id="unknown key in a section",
    ),
    pytest.param(
        "trials:\n  - training: { epoch: 3 }",
        "trials[0].training.epoch",
        ["did you mean `epochs`?"],
        id="unknown key in a block",
    ),
    pytest.param(
        "training: { epochs: many }",
        "training.epochs",
        ["expected a whole number", "found `many`"],
        id="text for a number",
    ),
    pytest.param(
        "training: { epochs: [1, two] }",
        "training.epochs[1]",
        ["expected a whole number", "found `two`"],
        id="text in a list of numbers",
    ),
    pytest.param(
        "training: { epochs: true }",
        "training.epochs",
        ["expected a number", "found true"],
        id="truth value for a number",
    ),
    pytest.param(
        "training: { epochs: [] }",
        "training.epochs",
        ["expected at least one value", "found an empty list"],
        id="empty list",
    ),
    pytest.param(
        "training: [epochs]",
        "training",
        ["expected keys and values", "found a list"],
        id="list for a section",
    ),
    pytest.param(
        "training: { learning_rate: 0 }",
        "training.learning_rate",
        ["expected more than 0", "found `0`"],
        id="number out of range",
    ),
    pytest.param(
        "training: { optimiser: adamm }",
        "training.optimiser",
        ["'adamw', 'adam' or 'sgd'", "found `adamm`"],
        id="no such choice",
    ),
    pytest.param(
        "drop: { mode: specialised, depth: -1 }",
        "drop.depth",
        ["expected 'all', or expected 0 or more", "found `-1`"],
        id="negative depth",
    ),
    pytest.param(
        "adapter: { bottleneck_size: 8, reduction_factor: 16 }",
        "adapter",
        ["found bottleneck_size and reduction_factor"],
        id="both sizes",
    ),
    pytest.param(
        "adapter: { sharing: group }",
        "adapter.sharing",
        ["'none', 'all_layers' or 'groups'", "found `group`"],
        id="sharing that does not exist",
    ),
    pytest.param(
        "adapter: { layer_sizes: [[4, 8], [4, none]] }",
        "adapter.layer_sizes[1][1]",
        ["expected a whole number", "found `none`"],
        id="text among the sizes of layers",
    ),
    pytest.param(
        "adapter: { layer_sizes: 8 }",
        "adapter.layer_sizes",
        ["found `8`"],
        id="one size for layer_sizes",
    ),
    pytest.param(
        "head: { layers: 3 }", "head.layers", ["less than or equal to 2"], id="three head layers"
    ),
    pytest.param(
        "exclude:\n  - { layer: 3 }",
        "exclude[0].layer",
        ["unknown key", "known here: base_model, task, method"],
        id="unknown axis in exclude",
    ),
    pytest.param(
        "exclude:\n  - { drop_mode: specialized }",
        "exclude[0].drop_mode",
        ["'none', 'specialised' or 'robust'", "found `specialized`"],
        id="a value in exclude that no trial can have",
    ),
    pytest.param(
        "fusion:\n  - sources: { where: { bottleneck: 8 } }",
        "fusion[0].sources.where.bottleneck",
        ["unknown key", "did you mean `bottleneck_size`?"],
        id="unknown axis in where of a fusion",
    ),
    pytest.param(
        "select: { where: { tsk: rte } }",
        "select.where.tsk",
        ["unknown key", "did you mean `task`?"],
        id="unknown axis in where of select",
    ),
    pytest.param(
        "select: { metric: acuracy }",
        "select.metric",
        ["expected 'primary'", "'matthews'", "found `acuracy`"],
        id="unknown metric",
    ),
    pytest.param(
        "resources: { cpus: 0 }", "resources.cpus", ["expected more than 0"], id="no processor"
    ),
]


@pytest.mark.parametrize(("added", "keys", "words"), WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_place(
    tmp_path: Path, added: str, keys: str, words: list[str]
) -> None:
    message = refused(tmp_path, HEAD + added + "\n")
    line = FIRST_LINE + added.count("\n")
    assert message.startswith(f"{tmp_path / 'sweep.yaml'}:{line}: {keys}: ")
    for word in words:
        assert word in message
    assert "\n" not in message


WRONG_SOURCES = [
    pytest.param("source: a/b", "base_models.small.source", "`hub:REPO`, `folder:PATH`", id="kind"),
    pytest.param(
        "source: 'folder:x', sha256: abc",
        "base_models.small.sha256",
        "64 hexadecimal digits, found `abc`",
        id="checksum",
    ),
    pytest.param(
        f"source: 'hub:a/b', sha256: {'a' * 64}",
        "base_models.small",
        "pinned by `revision`",
        id="checksum of a Hub model, which nothing would compare",
    ),
    pytest.param(
        "source: 'package:x', revision: v1",
        "base_models.small",
        "only a Hub model has a revision",
        id="revision of a package",
    ),
    pytest.param(
        "source: 'hub:a/b', revision: 0000",
        "base_models.small.revision",
        "put it in quotes",
        id="revision that YAML reads as a number",
    ),
    pytest.param("layers: 4", "base_models.small", "`source` is missing: add it", id="no source"),
]


@pytest.mark.parametrize(("base", "keys", "words"), WRONG_SOURCES)
def test_a_base_model_that_cannot_be_meant(
    tmp_path: Path, base: str, keys: str, words: str
) -> None:
    message = refused(tmp_path, HEAD.replace('source: "hub:a/b"', base))
    assert f"sweep.yaml:3: {keys}: " in message
    assert words in message


WRONG_TASKS = [
    pytest.param("{ hub: glue/rte, folder: x }", "found hub and folder", id="two sources"),
    pytest.param("{ metric: f1 }", "exactly one of hub, folder and builtin, found none", id="none"),
    pytest.param("{ folder: x, splits: { train: a } }", "`splits` has no meaning", id="splits"),
    pytest.param("{ builtin: x, revision: main }", "`revision` has no meaning", id="revision"),
    pytest.param("{ hub: glue/rte, config: cola }", "GLUE's own are built in", id="GLUE's config"),
]


@pytest.mark.parametrize(("task", "words"), WRONG_TASKS)
def test_a_task_that_cannot_be_meant(tmp_path: Path, task: str, words: str) -> None:
    message = refused(tmp_path, HEAD.replace("{ hub: glue/rte }", task))
    assert "sweep.yaml:5: tasks.rte: " in message
    assert words in message


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    message = refused(tmp_path, HEAD + "seeds: 1\nseeds: 2\n")
    assert f"sweep.yaml:{FIRST_LINE + 1}: seeds: this key stands twice" in message
    assert f"first on line {FIRST_LINE}; keep one" in message


def test_a_task_that_stands_twice(tmp_path: Path) -> None:
    message = refused(tmp_path, HEAD + "  rte: { folder: x }\n")
    assert f"sweep.yaml:{FIRST_LINE}: rte: this key stands twice, first on line 5" in message


@pytest.mark.parametrize(
    ("text", "line"), [("name: [\n", 2), ("name: a: b\n", 1), ("name: x\n\ttasks: 1\n", 2)]
)
def test_a_file_that_is_not_yaml(tmp_path: Path, text: str, line: int) -> None:
    message = refused(tmp_path, text)
    assert f"sweep.yaml:{line}: not YAML: " in message
    assert "check indentation, colons and quotes" in message


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty file"),
        ("# nothing\n", "an empty file"),
        ("- a\n", "a sequence"),
        ("a", "a sc"),
    ],
)
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str, found: str) -> None:
    message = refused(tmp_path, text)
    assert f"found {found}" in message
    assert "starts with `name:`" in message


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    lines = refused(tmp_path, "name: x\n").splitlines()
    assert [line.partition("(top): ")[2] for line in lines] == [
        "the key `base_models` is missing: add it",
        "the key `tasks` is missing: add it",
    ]


def test_several_mistakes_are_said_at_once(tmp_path: Path) -> None:
    lines = refused(tmp_path, HEAD + "seeds: x\ntraining: { epochs: y }\n").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["seeds", "training.epochs"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nothing\.yaml: no such file"):
        read_spec(tmp_path / "nothing.yaml")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="not a text file"):
        read_spec(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(SpecError, match="not a text file"):
        read_spec(path)
