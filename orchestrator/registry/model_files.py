"""The files that MLflow wants beside an adapter: `MLmodel`, signature, input example, model card.

They make a version loadable by `mlflow.pyfunc.load_model` and readable for people. What pulls an
adapter leaves them out.
"""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.registry.model_card import CARD_FILE, example_row
from orchestrator.registry.pyfunc_model import BASE_FOLDER, DROP_DEPTH, LOADER
from orchestrator.registry.registered import FLAVOR
from workers.contract.task_card import TaskCard, TaskKind

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

MODEL_FILE = "MLmodel"
_EXAMPLE, _SERVED, _REQUIREMENTS = (
    "input_example.json",
    "serving_input_example.json",
    "requirements.txt",
)

# As `mlflow.pyfunc.add_to_model` writes it, whose module warns of its own code when imported.
_PYFUNC = {
    "loader_module": LOADER,
    "python_version": platform.python_version(),
    "config": {BASE_FOLDER: None},
}


def write_model_files(
    folder: Path, card: TaskCard, text: str, *, kind: str, run_id: str | None, model_id: str
) -> None:
    """Write them into the folder that holds the adapter's files.

    Args:
        text: the model card.
        kind: what the files are: an adapter, a fusion, …
    """
    from mlflow.models import Model

    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    _write_example(folder, example_row(card))
    packages = ("adaptersweep", "torch", "transformers", "pandas")
    lines = [f"{name}=={version(name)}\n" for name in packages]
    (folder / _REQUIREMENTS).write_text("".join(lines), encoding="utf-8")
    model = Model(
        run_id=run_id,
        model_id=model_id,
        signature=signature(card),
        saved_input_example_info={
            "artifact_path": _EXAMPLE,
            "serving_input_path": _SERVED,
            "type": "dataframe",
            "pandas_orient": "split",
        },
        flavors={FLAVOR: {"kind": kind, "manifest": "adapter.json"}, "python_function": _PYFUNC},
    )
    model.save(str(folder / MODEL_FILE))


def signature(card: TaskCard) -> "ModelSignature":
    """Return what goes in and comes out: the columns of a task's rows, and those of an answer."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType, Array, Map

    text, number = DataType.string, DataType.double
    columns = card.columns
    of_words = card.kind is TaskKind.TOKEN_CLASSIFICATION  # a list of them, or a text with spaces
    read = [ColSpec(AnyType() if of_words else text, columns.text)]
    if columns.text_pair is not None:
        read.append(ColSpec(text, columns.text_pair))
    if card.choices is not None:
        read.append(ColSpec(Array(text), columns.choices))
    kinds: Mapping[str, Any] = {
        "prediction": text,
        "prediction_index": DataType.long,
        "probability": number,
        "probabilities": Map(number),
    }
    match card.kind:
        case TaskKind.REGRESSION:
            kinds = {"prediction": number}
        case TaskKind.TOKEN_CLASSIFICATION:
            kinds = {"prediction": Array(text), "probability": number}
        case TaskKind.SPAN:
            kinds = {"prediction": text, "probability": number}
    return ModelSignature(
        inputs=Schema(read),
        outputs=Schema([ColSpec(kind, name) for name, kind in kinds.items()]),
        params=ParamSchema([ParamSpec(DROP_DEPTH, DataType.long, 0)]),
    )


def _write_example(folder: Path, row: Mapping[str, Any]) -> None:
    """Write one row in the two forms of MLflow: for Python, and for what its server is sent."""
    rows = {"columns": list(row), "data": [list(row.values())]}
    for name, content in ((_EXAMPLE, rows), (_SERVED, {"dataframe_split": rows})):
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (folder / name).write_text(text, encoding="utf-8")
