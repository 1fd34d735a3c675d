"""A registered adapter as a model of MLflow's: what `mlflow.pyfunc.load_model` loads.

The name of this module is written into every registered version (`model_files`), so it stays. The
version holds the adapter alone; its base model is fetched from where it came from, and verified.
Nothing is unpickled.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.registry.answers import answer_fields, answers_to
from workers.tasks.rows import Record

if TYPE_CHECKING:
    import pandas as pd

    from workers.predict import Predictor

LOADER = __name__
BASE_FOLDER, DROP_DEPTH = "base_folder", "drop_depth"


class PyfuncAdapter:
    """What MLflow calls to predict."""

    def __init__(self, predictor: "Predictor") -> None:
        self.predictor = predictor

    def predict(
        self, model_input: "pd.DataFrame", params: Mapping[str, Any] | None = None
    ) -> "pd.DataFrame":
        """Answer each row, with the columns that `adaptersweep predict --output` writes.

        Args:
            model_input: with the columns of the signature; its index is kept.
            params: `drop_depth`, the number of lowest layers whose adapters are left out.

        Raises:
            TaskError: a row is none of the task's kind; it is named by its number.
        """
        import pandas as pd

        card = self.predictor.card
        rows: list[Record] = [
            (f"row {number}", {str(name): _plain(value) for name, value in row.items()})
            for number, row in enumerate(model_input.to_dict("records"), 1)
        ]
        answers = answers_to(
            self.predictor, rows, drop_depth=int((params or {}).get(DROP_DEPTH, 0))
        )
        fields = [
            answer_fields(card, row, answer) for (_, row), answer in zip(rows, answers, strict=True)
        ]
        return pd.DataFrame(fields, index=model_input.index)


def _plain(value: Any) -> Any:
    """Return arrays, as MLflow and Parquet make them of lists, as lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> PyfuncAdapter:
    """Load the adapter in a folder; `base_folder` says where the base model lies, if it moved.

    Raises:
        AdapterFileError: damaged or incomplete files.
        WrongBaseError: the base model is another one than the adapter was trained on.
    """
    from workers.predict import Predictor

    base = (model_config or {}).get(BASE_FOLDER)
    return PyfuncAdapter(Predictor.load(Path(path), base_folder=Path(base) if base else None))
