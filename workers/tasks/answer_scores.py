"""SQuAD's exact match and F1 (Rajpurkar et al. 2016, §6.1), as fractions.

Both compare normalised answers: lower case, without punctuation, articles and extra spaces. Of
several right answers the closest counts.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean

from workers.contract.task_card import Metric
from workers.tasks.rows import Answer

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    """Return an answer without what SQuAD's evaluation looks away from."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(predicted: str, right: str) -> float:
    """Return 1 if both are the same after normalisation, otherwise 0."""
    return float(normalised(predicted) == normalised(right))


def word_f1(predicted: str, right: str) -> float:
    """Return the harmonic mean of precision and recall over words, each as often as it stands."""
    found, wanted = normalised(predicted).split(), normalised(right).split()
    common = sum((Counter(found) & Counter(wanted)).values())
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


_SCORES: dict[Metric, Callable[[str, str], float]] = {
    Metric.EXACT_MATCH: exact_match,
    Metric.F1: word_f1,
}


def score_answers(
    metrics: Sequence[Metric], predicted: Sequence[str], right: Sequence[Sequence[Answer]]
) -> dict[str, float]:
    """Return each metric's mean over all rows, with the best of each row's right answers."""
    return {
        metric.value: fmean(
            max(_SCORES[metric](text, answer.text) for answer in answers)
            for text, answers in zip(predicted, right, strict=True)
        )
        for metric in metrics
    }
