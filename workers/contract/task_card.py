"""What a task is: its kind, columns, labels and metric, without its rows."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from workers.contract.frozen import Frozen


class TaskKind(StrEnum):
    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    MULTIPLE_CHOICE = "multiple_choice"
    SPAN = "span"  # extractive question answering: the answer is a part of the second text
    TOKEN_CLASSIFICATION = "token_classification"  # a label for each word


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Metric(StrEnum):
    """Primary metrics, as GLUE, SuperGLUE, SQuAD and CoNLL define them. Larger is better."""

    ACCURACY = "accuracy"  # of rows; for token classification, of words
    F1 = "f1"  # of class 1; for spans, of an answer's words; for BIO labels, of entities
    F1_MACRO = "f1-macro"
    MATTHEWS = "matthews"
    PEARSON = "pearson"
    SPEARMAN = "spearman"
    PEARSON_SPEARMAN = "pearson-spearman"  # the mean of both, as GLUE averages STS-B
    EXACT_MATCH = "exact_match"  # of an answer, after SQuAD's normalisation
    MASKED_ACCURACY = "masked_accuracy"  # of masked tokens; of pre-training alone, of no task


_CORRELATIONS = (Metric.PEARSON, Metric.SPEARMAN, Metric.PEARSON_SPEARMAN)


def suited_metrics(kind: TaskKind, *, names: tuple[str, ...]) -> tuple[Metric, ...]:
    """Return the metrics that fit the labels, such as correlations for targets.

    `f1` is for two classes, for spans, and for words whose labels name entities (`B-…`, `I-…`).
    """
    match kind:
        case TaskKind.REGRESSION:
            return _CORRELATIONS
        case TaskKind.MULTIPLE_CHOICE:
            return (Metric.ACCURACY,)
        case TaskKind.SPAN:
            return (Metric.F1, Metric.EXACT_MATCH)
        case TaskKind.TOKEN_CLASSIFICATION:
            entities = any(name.startswith(("B-", "I-")) for name in names)
            always = (Metric.ACCURACY, Metric.F1_MACRO)
            return (*always, Metric.F1) if entities else always
    unsuited = {*_CORRELATIONS, Metric.EXACT_MATCH, Metric.MASKED_ACCURACY}
    if len(names) != 2:
        unsuited.add(Metric.F1)
    return tuple(metric for metric in Metric if metric not in unsuited)


USUAL_PAIR = "sentence2"
"""The column that is read as second text where rows have it and nobody says otherwise."""


class Columns(Frozen):
    """The names of a row's fields; `text_pair` is None for single sentences.

    `choices` is read for multiple choice alone, `answers` for spans, which read no label. Columns
    that leave fields out remember which: what was named, None included, comes before what was not.
    """

    text: str = "sentence1"
    text_pair: str | None = None
    label: str = "label"
    choices: str = "choices"
    answers: str = "answers"

    @property
    def named(self) -> dict[str, str | None]:
        """Return the fields that were given a value, and not their default."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}

    def over(self, *others: "Columns | None") -> "Columns":
        """Return these with each field that they leave out taken from the first who names it."""
        found: dict[str, str | None] = {}
        for columns in (self, *others):
            if columns is not None:
                found = columns.named | found
        return Columns.model_validate(found)

    def read_by(self, kind: TaskKind) -> dict[str, str]:
        """Return field → column of what is read of a row of this kind."""
        fields: dict[str, str | None] = {"text": self.text, "text_pair": self.text_pair}
        if kind is TaskKind.SPAN:
            fields["answers"] = self.answers
        else:
            fields["label"] = self.label
        if kind is TaskKind.MULTIPLE_CHOICE:
            fields["choices"] = self.choices
        return {field: column for field, column in fields.items() if column is not None}


class LabelValues(StrEnum):
    """What the labels of rows are, for classes whose names are numbers themselves."""

    NUMBERS = "numbers"  # of classes, from 0
    NAMES = "names"  # as they stand in `label_names`


class TaskCard(Frozen):
    """Attributes:
    label_names: one name per class, in the order of the label numbers; empty for regression.
    label_values: how a label of rows is read; None: as a number or a name, where that is the same.
    label_range: least and largest target of a regression, or None.
    choices: how many choices each row of a multiple-choice task has, otherwise None.
    metric: the primary metric, which selects and ranks.
    metrics: every metric that is reported, the primary one among them.
    """

    name: str
    kind: TaskKind
    columns: Columns = Columns()
    label_names: tuple[str, ...] = ()
    label_values: LabelValues | None = None
    label_range: tuple[float, float] | None = None
    choices: int | None = None
    metric: Metric
    metrics: tuple[Metric, ...]
    licence: str = "not stated"
    origin: str = ""


class HubSource(Frozen):
    """A dataset of the Hugging Face Hub. `splits` maps ours to the dataset's own names."""

    kind: Literal["hub"] = "hub"
    dataset: str
    config: str | None = None
    revision: str
    splits: dict[Split, str]


class FolderSource(Frozen):
    """A folder with a card (`dataset.json`) and a JSONL, CSV or Parquet file per split."""

    kind: Literal["folder"] = "folder"
    path: str


class BuiltinSource(Frozen):
    """A task that this package builds itself, such as the quickstart's."""

    kind: Literal["builtin"] = "builtin"
    name: str


TaskSource = Annotated[HubSource | FolderSource | BuiltinSource, Field(discriminator="kind")]


class RowLimits(Frozen):
    """At most this many rows of a split, drawn once with a fixed seed; None takes all."""

    train: int | None = Field(default=None, ge=1)
    validation: int | None = Field(default=None, ge=1)
    test: int | None = Field(default=None, ge=1)


class TaskRef(Frozen):
    """A task, pinned: where it is, how it is cut, and the fingerprint of the rows that come out.

    Attributes:
        validation_fraction: hold this share of train out as validation; the official validation
            split then becomes test. None keeps the official splits.
        fingerprint: SHA-256 over card and rows (for a Hub dataset: over its pinned revision).
        oddities: what is allowed in the rows and probably not meant, for people; not kept in files.
    """

    name: str
    source: TaskSource
    card: TaskCard
    limits: RowLimits = RowLimits()
    validation_fraction: float | None = Field(default=None, gt=0, lt=1)
    fingerprint: str
    oddities: tuple[str, ...] = Field(default=(), exclude=True)
