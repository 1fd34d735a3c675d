"""What a finished trial leaves, and how it is committed: files first, `result.json` last."""

import hashlib
import logging
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from adapter_lib.storage.atomic_write import remove_leftovers
from workers.contract.claims import check_claim
from workers.contract.frozen import Frozen, renamed
from workers.contract.paths import TrialPaths
from workers.contract.predictions import PredictionsFile
from workers.contract.spending import Phase, Spent
from workers.contract.task_card import Split
from workers.errors import ClaimLostError, DamagedObjectError, ResultFileError

log = logging.getLogger(__name__)

_SEALED = re.compile(rb'\{\n "sha256": "(?P<digest>[0-9a-f]{64})",(?P<rest>.*)', re.DOTALL)
_Record = TypeVar("_Record", "TrialResult", "TrialFailure")


class Measured(Frozen):
    """A record of numbers, which are finite: what is not could not be read back from JSON."""

    model_config = ConfigDict(allow_inf_nan=False)


class Score(Measured):
    """All metrics of one split at one drop depth."""

    split: Split
    depth: int
    rows: int
    metrics: dict[str, float]


class Epoch(Measured):
    """One point of the learning curve.

    Attributes:
        epoch: counted from 1.
        selection_score: what early stopping compares: the task's primary metric on validation at
            the trial's own depth; for robust AdapterDrop, its mean over all depths.
        metrics: validation metrics at the trial's own depth.
        at_unix_ms: when the epoch ended, milliseconds since 1970.
    """

    epoch: int
    train_loss: float
    selection_score: float
    metrics: dict[str, float]
    learning_rate: float
    steps: int
    train_s: float
    evaluate_s: float
    at_unix_ms: int


class SelectionRecord(Frozen):
    """What was chosen on what, so that no score is read as more than it is."""

    checkpoint: str
    """How the epoch was chosen, such as 'best validation matthews' or 'last epoch'."""
    selected_on: Split
    reported_on: tuple[Split, ...]
    validation_from_train: bool
    """Whether validation was held out from train, which leaves the official one as test."""


class ParameterCounts(Frozen):
    trained: int
    """Parameters that received gradients, the head's included."""
    stored: int
    """Parameters in the adapter's file."""
    adapter: int
    """Parameters of adapters and fusion alone, without the head."""


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"expected the name of a file inside the adapter's folder, found {name!r}")
    return name


class AdapterFiles(Frozen):
    """The adapter's folder: each file's SHA-256, and one digest over them all."""

    kind: str
    files: dict[Annotated[str, AfterValidator(_inside)], str]
    digest: str
    size_bytes: int


class PrefixUse(Frozen):
    """What was taken from the cache of frozen prefixes.

    Attributes:
        cut_points: by split, the points at which batches were taken up.
        computed: cut points that no other trial had left behind.
        bytes: of all that was used.
        prepare_s: seconds it took to find or compute them.
    """

    cut_points: dict[Split, tuple[str, ...]]
    computed: int
    bytes: int
    prepare_s: float

    @model_validator(mode="before")
    @classmethod
    def _earlier_names(cls, data: Any) -> Any:
        return renamed(data, taps="cut_points")


class Reading(Frozen):
    """What a tokenizer and `max_length` left of a split's rows.

    Attributes:
        cut: rows that lost tokens to `max_length`.
        textless: rows of which a sequence holds special tokens alone: its texts are empty, or the
            tokenizer keeps nothing of them.
        same_choices: rows of which two different choices became the same tokens.
        lost_answers: rows whose first answer is cut off, or has no token, so that nothing of it is
            trained on.
        unread_words: words that no token is read for, cut off or dropped by the tokenizer; they
            count as `O`, or as the first label.
        words: of all rows, for labels of words.
        tokens: of all rows, without padding; 0 where that was not counted yet.
        sequences: likewise; more than rows for multiple choice.
    """

    rows: int
    cut: int = 0
    textless: int = 0
    same_choices: int = 0
    lost_answers: int = 0
    unread_words: int = 0
    words: int = 0
    tokens: int = 0
    sequences: int = 0

    def losses(self) -> list[str]:
        """Say what was lost, a few words for each kind of it."""
        return [
            f"{count:,} of {of:,} {what}"
            for count, of, what in (
                (self.cut, self.rows, "rows cut at max_length"),
                (self.textless, self.rows, "rows without a token of their text"),
                (self.same_choices, self.rows, "rows with different choices that read the same"),
                (self.lost_answers, self.rows, "rows without their answer"),
                (self.unread_words, self.words, "words not read"),
            )
            if count
        ]


class TrialResult(Measured):
    """The committed record of one finished trial.

    Attributes:
        score: the primary metric on validation at `depth`.
        depth: the trial's own depth: 0, or n for specialised AdapterDrop.
        scores: every split at every depth that was measured.
        majority: the primary metric on validation of always predicting train's majority class, or
            train's mean.
        adapter: None where nothing is kept (full fine-tuning).
        pretrained: of a pre-training, the adapter that others start from, which nobody registers.
        sources: for a fusion, task → the trial whose adapter was taken.
        attention: for a fusion, layer → task → mean fusion weight over the training set.
        kept: for a pruned fusion, layer → tasks that stayed.
        prefix: what the fast path did; None for what has no frozen part, or without fast path.
        pack_width: the most trials that it was trained with in one pass, itself included.
        readings: what the tokenizer and `max_length` left of each split.
        predictions: what the model said of each row; None where that was not kept.
        spent: what it took of its worker, by phase, over all attempts that it goes back to; of what
            was done for several trials at once, its share.
    """

    trial_id: str
    metric: str
    score: float
    depth: int
    scores: tuple[Score, ...]
    majority: float
    curve: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    stopped_early: bool = False
    selection: SelectionRecord
    parameters: ParameterCounts
    adapter: AdapterFiles | None = None
    pretrained: AdapterFiles | None = None
    sources: dict[str, str] = Field(default_factory=dict)
    attention: dict[int, dict[str, float]] = Field(default_factory=dict)
    kept: dict[int, list[str]] = Field(default_factory=dict)
    prefix: PrefixUse | None = None
    pack_width: int = 1
    readings: dict[Split, Reading] = Field(default_factory=dict)
    predictions: PredictionsFile | None = None
    duration_s: float
    spent: dict[Phase, Spent] = Field(default_factory=dict)
    finished_at_unix_ms: int
    environment: dict[str, str]

    @property
    def left(self) -> AdapterFiles | None:
        """Return the adapter's files that are in the workspace."""
        return self.adapter or self.pretrained

    @property
    def digests(self) -> set[str]:
        """Return the SHA-256 of every file that belongs to this result."""
        adapter = self.left.files.values() if self.left else ()
        return {*adapter, *([self.predictions.sha256] if self.predictions else [])}

    @property
    def by_depth(self) -> Mapping[int, float]:
        """Return the primary metric on validation for each depth measured."""
        return {s.depth: s.metrics[self.metric] for s in self.scores if s.split is Split.VALIDATION}

    @property
    def test_score(self) -> float | None:
        """Return the primary metric on test at the trial's own depth, None if not measured."""
        own = (s for s in self.scores if s.split is Split.TEST and s.depth == self.depth)
        score = next(own, None)
        return None if score is None else score.metrics.get(self.metric)


class FailureReason(StrEnum):
    """Why an attempt ended without a result."""

    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIME_LIMIT = "time_limit"
    BAD_INPUT = "bad_input"
    WORKER_LOST = "worker_lost"
    ERROR = "error"


class TrialFailure(Frozen):
    trial_id: str
    reason: FailureReason
    message: str
    at_unix_ms: int


def commit(paths: TrialPaths, record: TrialResult | TrialFailure) -> None:
    """Commit a result or a failure; a result ends the trial for good.

    Raises:
        ClaimLostError: another attempt has taken the trial over.
    """
    check_claim(paths)
    content = _sealed(record.model_dump_json(indent=1)).encode()
    if isinstance(record, TrialFailure):
        paths.files.write(paths.failure.name, content)
        return
    if not paths.files.create(paths.result.name, content):
        if read_result(paths) is not None:
            raise ClaimLostError(
                f"another attempt has finished the trial in {paths.place()} meanwhile; its result "
                "stays, nothing to do here"
            )
        paths.files.delete(paths.result.name)  # damaged: it says nothing
        if not paths.files.create(paths.result.name, content):
            raise ClaimLostError(f"another attempt finishes the trial in {paths.place()}")
    remove_leftovers(paths.folder, older_than_s=0)


def read_result(paths: TrialPaths) -> TrialResult | None:
    """Return the committed result, or None where the trial is not done.

    One that is cut or damaged says nothing: its trial is not done.

    Raises:
        ResultFileError: the file cannot be opened, or holds a result of another version.
    """
    return _read(paths, paths.result.name, TrialResult)


def read_failure(paths: TrialPaths) -> TrialFailure | None:
    """Return the last committed failure of a trial, or None if there is none that can be read.

    Raises:
        ResultFileError: as for `read_result`.
    """
    return _read(paths, paths.failure.name, TrialFailure)


def _read(paths: TrialPaths, name: str, kind: type[_Record]) -> _Record | None:
    path = paths.place(name)
    try:
        content = paths.files.read(name)
    except FileNotFoundError:
        return None
    except DamagedObjectError as error:
        log.warning("%s; what it said is done again", error)
        return None
    except OSError as error:
        raise ResultFileError(f"cannot read {path}: {error.strerror}") from error
    text, sealed = _opened(content)
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        if not sealed:
            log.warning("%s is damaged, what it said is done again: %s", path, why)
            return None
        raise ResultFileError(
            f"{path} is not of this version: {why}; move the trial's folder away and submit "
            "again to run it anew"
        ) from error


def _sealed(text: str) -> str:
    """Return a JSON object with the SHA-256 of its text as one more member, the first."""
    return f'{{\n "sha256": "{_sha256(text.encode())}",{text[1:]}'


def _opened(content: bytes) -> tuple[bytes, bool]:
    """Return the text that was sealed and that it is whole, or all of the content and that not."""
    found = _SEALED.fullmatch(content)
    if found is not None and _sha256(b"{" + found["rest"]) == found["digest"].decode():
        return b"{" + found["rest"], True
    return content, False


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
