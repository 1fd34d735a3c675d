"""What a claim of a paper is: its words, the paper's number, how to measure it, and its test."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from dashboards.study.estimates import Estimate, Test
from dashboards.study.evidence import Evidence


class Paper(StrEnum):
    ADAPTERDROP = "Rücklé et al. 2021 (AdapterDrop)"
    HOULSBY = "Houlsby et al. 2019"


class Read(StrEnum):
    """How a paper's number came to us."""

    PAPER = "paper"  # in its text or its tables
    QUOTED = "quoted"  # in another text about the paper
    DIGITISED = "digitised"  # off its figure, half a point more or less
    COMPUTED = "computed"  # from its tables


@dataclass(frozen=True)
class PaperClaim:
    """One claim of a paper.

    Attributes:
        key: names it for good.
        where: the section, figure or table.
        says: the claim, as a sentence of ours.
        number: the paper's own, as text.
        test: what the estimate's whole interval must meet for the claim to be confirmed.
        measured_as: what is computed here, where that is not plain from the sentence.
        sweep: which of `sweeps/papers` measures it.
    """

    key: str
    paper: Paper
    where: str
    says: str
    number: str
    read: Read
    test: Test
    measure: Callable[[Evidence], Estimate | None]
    sweep: str
    measured_as: str = ""
