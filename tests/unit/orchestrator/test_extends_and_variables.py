"""A sweep over another file and with variables: what wins, what is stored and sent, and errors."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.command_line import app
from orchestrator.errors import SpecError
from orchestrator.running.driver import plan_sweep
from orchestrator.running.parcel import pack
from orchestrator.spec.document import LARGEST_BYTES
from orchestrator.spec.model import SweepSpec
from orchestrator.spec.read import read_spec

BASE = """\
base_models:
  small: { source: "hub:a/b", revision: "0000000000000000000000000000000000000000", layers: 4,
           hidden_size: 64 }
tasks:
  rte: { hub: glue/rte, rows: { train: 100 } }
  mine: { folder: data/mine }
seeds: [0, 1]
adapter: { bottleneck_size: 8, scaling: 2 }
training: { learning_rate: 1e-3, epochs: 3 }
trials:
  - tasks: rte
"""


def write(folder: Path, **texts: str) -> Path:
    """Write YAMLs by name, and return the path of the first one."""
    for name, text in texts.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / f"{next(iter(texts))}.yaml"


def refused(path: Path, *values: str) -> str:
    with pytest.raises(SpecError) as caught:
        read_spec(path, values)
    return str(caught.value)


def test_what_a_sweep_says_itself_wins_key_by_key(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        own="extends: base.yaml\n"
        "name: own\n"
        "tasks: { rte: { rows: { validation: 5 } }, mine: { hub: glue/mrpc } }\n"
        "seeds: 7\n"
        "adapter: { reduction_factor: 4 }\n"
        "training: { epochs: 9 }\n"
        "trials: [{ tasks: mine }, {}]\n",
        base=BASE,
    )
    spec, _ = read_spec(path)
    assert spec.name == "own"
    assert spec.seeds == (7,)
    rows = spec.tasks["rte"].rows
    assert (spec.tasks["rte"].hub, rows.train, rows.validation) == ("glue/rte", 100, 5)
    assert (spec.tasks["mine"].hub, spec.tasks["mine"].folder) == ("glue/mrpc", None)
    assert spec.adapter.given == {"reduction_factor": (4.0,), "scaling": (2.0,)}
    assert spec.training.given == {"learning_rate": (1e-3,), "epochs": (9,)}
    assert len(spec.trials) == 2


def test_files_may_extend_each_other_in_a_row_from_any_folder(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        **{
            "own": "extends: a/one.yaml\nname: own\nseeds: 1\n",
            "a/one": "extends: ../b/two.yaml\nname: one\nseeds: 2\ntraining: { epochs: 2 }\n",
            "b/two": BASE + "select: { alias: best }\n",
        },
    )
    spec, source = read_spec(path)
    assert (spec.name, spec.seeds, spec.training.epochs) == ("own", (1,), (2,))
    assert spec.select[0].alias == "best"
    assert spec.tasks["mine"].folder == "./b/data/mine"  # as it lies from the first file
    assert source.locate(("training", "learning_rate")).file.endswith("two.yaml")


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("folder: data", "./b/data"),
        ("folder: ../data", "./data"),
        ("folder: ../../data", "../data"),
        ("folder: /data", "/data"),
        ("folder: ~/data", "~/data"),
        ("hub: ./data", "./b/data"),
        ("hub: glue/rte", "glue/rte"),
    ],
)
def test_paths_are_relative_to_the_file_where_they_stand(
    written: str, moved: str, tmp_path: Path
) -> None:
    base = BASE.replace("folder: data/mine", written)
    path = write(tmp_path, **{"own": "extends: b/base.yaml\nname: own\n", "b/base": base})
    mine = read_spec(path)[0].tasks["mine"]
    assert (mine.folder or mine.hub) == moved


def test_errors_name_the_file_where_a_value_stands(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        own="extends: base.yaml\nname: own\nseeds: -1\n",
        base=BASE + "drop: { mode: sometimes }\n",
    )
    found = refused(path)
    assert f"{tmp_path / 'own.yaml'}:3: seeds: expected 0 or more, found `-1`" in found
    assert f"{tmp_path / 'base.yaml'}:12: drop.mode: expected" in found
    write(tmp_path, own="extends: base.yaml\nname: own\n", base=BASE + "trails: 3\n")
    assert f"{tmp_path / 'base.yaml'}:12: trails: unknown key" in refused(path)
    write(
        tmp_path,
        own="extends: base.yaml\nname: own\n",
        base=BASE + "drop: { mode: specialised, depth: 9 }\n",
    )
    (tmp_path / "data/mine").mkdir(parents=True)
    text = (tmp_path / "base.yaml").read_text().replace("mine: { folder: data/mine }", "")
    (tmp_path / "base.yaml").write_text(text)
    with pytest.raises(SpecError, match=r"base.yaml:12: drop.depth: expected a drop depth of 0…3"):
        plan_sweep(path)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("extends: none.yaml\nname: x\n", "own.yaml:1: extends: expected a YAML, relative to this"),
        ("extends: .\nname: x\n", "own.yaml:1: extends: expected a YAML, relative to this"),
        ('extends: "a\\0b"\nname: x\n', "own.yaml:1: extends: expected"),
        ("extends: [base.yaml]\nname: x\n", "own.yaml:1: extends: expected the path of one YAML"),
        ("extends: 3\nname: x\n", "own.yaml:1: extends: expected the path of one YAML"),
        ("extends:\nname: x\n", "own.yaml:1: extends: expected the path of one YAML"),
        ("extends: base.yaml\n", "own.yaml:1: extends: expected a `name` of its own"),
        ("name: x\nextends: own.yaml\n", "own.yaml:2: extends: expected another YAML, found a cir"),
        ("name: x\nextends: round.yaml\n", "round.yaml:1: extends: expected another YAML, found"),
        ("name: x\nextends: broken.yaml\n", "broken.yaml:2: not YAML"),
        ("name: x\nextends: list.yaml\n", "list.yaml:1: a sweep is a mapping"),
        ("name: x\nextend: base.yaml\n", "own.yaml:2: extend: unknown key; did you mean `extends`"),
    ],
)
def test_what_cannot_be_extended_is_refused(own: str, message: str, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        own=own,
        base=BASE,
        round="extends: ../" + tmp_path.name + "/./own.yaml\nname: y\n",
        broken="a: 1\n  b: [\n",
        list="- 1\n",
    )
    assert message in refused(path)


def test_a_chain_has_an_end(tmp_path: Path) -> None:
    files = {f"f{n}": f"extends: f{n + 1}.yaml\nname: f{n}\n" for n in range(12)}
    path = write(tmp_path, **files, f12=BASE)
    assert "f9.yaml:1: extends: expected at most 10 files" in refused(path)


VARIABLES = """\
name: x-$(tag)
variables:
  epochs: 3
  rate: 1e-3
  tag: plain
  robust: false
  sizes: [4, 8]
  rows:
base_models:
  small: { source: "hub:a/$(tag)", revision: "0000000000000000000000000000000000000000", layers: 4,
           hidden_size: 64 }
tasks: { rte: { hub: glue/rte, rows: { train: $(rows) } } }
adapter: { bottleneck_size: $(sizes), trained_norm: $(robust) }
training: { epochs: $(epochs), learning_rate: $(rate) }
description: "$(epochs) epochs, $$(epochs)"
"""


def test_variables_have_values_of_their_kind(tmp_path: Path) -> None:
    path = write(tmp_path, own=VARIABLES)
    spec, _ = read_spec(path, ["rows=10"])
    assert (spec.name, spec.base_models["small"].source) == ("x-plain", "hub:a/plain")
    assert spec.tasks["rte"].rows.train == 10
    assert spec.adapter.given == {"bottleneck_size": (4, 8), "trained_norm": (False,)}
    assert spec.training.given == {"epochs": (3,), "learning_rate": (1e-3,)}
    assert spec.description == "3 epochs, $(epochs)"
    path = write(tmp_path, own=VARIABLES.replace('"$(epochs) epochs, ', '"'))
    given = ["rows=10", "epochs=[1, 2]", "rate=5", "tag=010", "robust=true", "sizes=16"]
    spec, _ = read_spec(path, given)
    assert (spec.name, spec.training.given) == (
        "x-010",
        {"epochs": (1, 2), "learning_rate": (5.0,)},
    )
    assert spec.adapter.given == {"bottleneck_size": (16,), "trained_norm": (True,)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [],
            "own.yaml:12: tasks.rte.rows.train: `$(rows)` has no value; give it with `--set rows=",
        ),
        (["rows=1", "epochs"], "--set: expected NAME=VALUE, found `epochs`"),
        (["rows=1", "=3"], "--set: expected NAME=VALUE, found `=3`"),
        (["rows=1", "rows=2"], "--set rows: given twice"),
        (["rows=1", "epoch=2"], "declares no such variable; did you mean `epochs`?"),
        (
            ["rows=1", "epochs=three"],
            "--set epochs: expected a whole number, as its default `3`, or a list of such, found "
            "`three`",
        ),
        (["rows=1", "epochs=3.5"], "--set epochs: expected a whole number"),
        (["rows=1", "epochs="], "--set epochs: expected a whole number"),
        (["rows=1", "epochs=[]"], "--set epochs: expected a whole number"),
        (["rows=1", "epochs=[[1]]"], "--set epochs: expected a whole number"),
        (["rows=1", "epochs=null"], "--set epochs: expected a whole number"),
        (["rows=1", "epochs=[1"], "--set epochs:1: not YAML"),
        (["rows=1", "rate=fast"], "--set rate: expected a number, as its default `1e-3`"),
        (["rows=1", "robust=1"], "--set robust: expected true or false"),
        (["rows={a: 1}"], "--set rows: expected text, a number, true or false, or a list of these"),
        (
            ["rows=1", "epochs=0"],
            "own.yaml:14: training.epochs: expected 1 or more, found `0` ($(epochs))",
        ),
        (["rows=1", "tag=a/../b"], "own.yaml:1: name: expected a name of at most 80 letters"),
        (["rows=1", "epochs=[1, 2]"], "LIST"),
    ],
)
def test_wrong_values_are_refused(values: list[str], message: str, tmp_path: Path) -> None:
    if message == "LIST":  # inside of a text
        text = VARIABLES.replace("$$(epochs)", "")
        message = "own.yaml:15: description: expected one value inside of a text, found a list"
        path = write(tmp_path, own=text)
    else:
        path = write(tmp_path, own=VARIABLES.replace('"$(epochs) epochs, ', '"'))
    assert message in refused(path, *values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variables: 3\nname: x\n", "own.yaml:1: variables: expected names with their defaults"),
        ("variables: { a-b: 1 }\nname: x\n", "own.yaml:1: variables: expected a name of letters"),
        ("variables: { a: { b: 1 } }\nname: x\n", "own.yaml:1: variables.a: expected text, a num"),
        ("variables: { a: [] }\nname: x\n", "own.yaml:1: variables.a: expected text, a number"),
        ("variables: { a: 1, b: $(a) }\nname: x\n", "own.yaml:1: variables.b: a variable cannot"),
        ("name: x\nseeds: $(sed)\n", "own.yaml:2: seeds: `$(sed)` names no variable, known are: n"),
        ("name: $()\n", "own.yaml:1: name: `$()` names no variable"),
    ],
)
def test_wrong_declarations_and_uses_are_refused(text: str, message: str, tmp_path: Path) -> None:
    assert message in refused(write(tmp_path, own=text))


def test_a_list_of_texts_may_be_given_where_the_default_is_one(tmp_path: Path) -> None:
    own = "name: own\nvariables: { some: [rte] }\ntrials: [{ tasks: $(some) }]\n"
    text = f"extends: base.yaml\n{own}"
    path = write(tmp_path, own=text, base=BASE)
    for value, wanted in (("[mine, rte]", ("mine", "rte")), ("mine", ("mine",))):
        assert tuple(read_spec(path, [f"some={value}"])[0].trials[0].tasks or ()) == wanted
    assert "--set some: expected text, as its default `rte`, or a list of such" in refused(
        path, "some=[3]"
    )


def test_a_value_that_nothing_uses_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, own="variables: { n: 1 }\nname: x\n" + BASE)
    assert read_spec(path)[0].name == "x"
    assert "--set n: " in refused(path, "n=2")


def test_variables_cannot_fill_the_memory(tmp_path: Path) -> None:
    long = "x" * (LARGEST_BYTES // 3)
    text = f"variables: {{ t: {long}, l: {list(range(9000))} }}\nname: x\ndescription: "
    path = write(tmp_path, own=f'{text}"{"$(t)" * 1000}"\n')
    assert "expected variables of at most 1,048,576 characters" in refused(path)
    path = write(tmp_path, own=f"{text}[{', '.join(['$(l)'] * 1000)}]\n")
    assert "expected variables with at most 50,000 values" in refused(path)


def test_variables_of_what_is_extended_may_be_set_and_declared_anew(tmp_path: Path) -> None:
    base = BASE.replace("epochs: 3", "epochs: $(epochs)").replace("data/mine", "$(where)")
    path = write(
        tmp_path,
        **{
            "own": "extends: b/base.yaml\nname: own\nvariables: { epochs: 5 }\n",
            "b/base": f"variables: {{ epochs: 3, where: data }}\n{base}",
        },
    )
    spec, _ = read_spec(path)
    assert spec.training.epochs == (5,)
    assert spec.tasks["mine"].folder == "./b/data"
    spec, _ = read_spec(path, ["epochs=6", "where=/data"])
    assert (spec.training.epochs, spec.tasks["mine"].folder) == ((6,), "/data")


def test_what_is_stored_says_all_of_it(tmp_path: Path) -> None:
    path = write(tmp_path, own=VARIABLES.replace("name: x-", "extends: b/base.yaml\nname: x-", 1))
    (tmp_path / "b").mkdir()
    (tmp_path / "b/base.yaml").write_text(
        "tasks: { mine: { folder: data, columns: { label: '010' } } }\nseeds: 3\n"
        "description: 2026-01-02\ntraining: &t { weight_decay: 0.1 }\n"
        "pretraining: { mlm: { training: *t } }\nadapter: { start_from: mlm }\n"
    )
    spec, source = read_spec(path, ["rows=10", "tag=x"])
    stored = tmp_path / "stored.yaml"
    stored.write_text(source.text)
    again, same = read_spec(stored)
    assert again == spec
    assert same.text == source.text  # nothing is left to be made of it
    assert source.text.startswith("# Made of own.yaml over base.yaml --set rows=10 --set tag=")
    assert not {"extends", "variables"} & yaml.safe_load(source.text).keys()


def test_a_sweep_without_either_is_stored_as_it_is(tmp_path: Path) -> None:
    text = f"# a comment\nname: x\n{BASE}"
    assert read_spec(write(tmp_path, own=text))[1].text == text


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_any_text_arrives_as_it_was_given(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    sweep = f"name: x\nvariables: {{ t: a }}\ndescription: $(t)\n{BASE}"
    path = write(folder, own=sweep)
    spec, source = read_spec(path, [f"t={text}"])
    assert spec.description == text
    assert read_spec(write(folder, stored=source.text))[0].description == text


def test_a_cluster_is_sent_all_of_it(tmp_path: Path) -> None:
    data = tmp_path / "b" / "data"
    data.mkdir(parents=True)
    (data / "rows.txt").write_text("rows")
    base = BASE.replace("epochs: 3", "epochs: $(epochs)").replace("data/mine", "data")
    path = write(
        tmp_path,
        **{
            "own": "extends: b/base.yaml\nname: own\n",
            "b/base": f"variables: {{ epochs: 3 }}\n{base}",
        },
    )
    name, parcel = pack(path, "/workspace", ["epochs=4"])
    (digest,) = parcel.folders
    spec, _ = read_spec(write(tmp_path, sent=parcel.text))
    assert (name, spec.training.epochs) == ("own", (4,))
    assert spec.tasks["mine"].folder == f"../{digest}"
    assert parcel.folders[digest] == data
    assert pack(path, "/workspace", ["epochs=5"])[1].digest != parcel.digest
    assert pack(path, "/workspace", ["epochs=4"])[1].digest == parcel.digest


def test_commands_take_values(tmp_path: Path) -> None:
    path = write(tmp_path, own=VARIABLES.replace('"$(epochs) epochs, ', '"'))
    runner, workspace = CliRunner(), str(tmp_path / "w")
    values = ["--set", "rows=10", "--set", "epochs=[1, 2]"]
    planned = runner.invoke(app, ["plan", str(path), "--workspace", workspace, *values])
    assert planned.exit_code == 0, planned.output
    assert "x-plain: 4 trials, 0 reused, 4 to run" in planned.output
    script = runner.invoke(app, ["slurm", str(path), "--workspace", workspace, *values])
    assert "own.yaml --set rows=10 --set 'epochs=[1, 2]' --workspace" in script.output


def test_a_spec_is_not_told_about_either() -> None:
    assert not {"extends", "variables"} & SweepSpec.model_fields.keys()
