"""Which parts of a docstring count as plain sentences."""

import pytest

from workers.tasks.quickstart.prose import sentences_of

NUMPYDOC = """Draw samples from a normal distribution.

The samples are drawn one after another, e.g. for a histogram. A second
sentence goes over
two lines.

.. versionadded:: 1.2

Short one here.

    An indented block is code or a quotation here.

- A bullet point is not taken as a sentence.

Parameters
----------
size : int
    The number of samples that are drawn here.

Notes
-----
This sentence stands in a later section here.
"""

GOOGLE = """Run the search over all of the candidates.

Args:
    budget: The number of candidates to look at here.

Returns:
    The best candidate that was found anywhere.
"""


def found(text: str, *unwanted: str) -> list[str]:
    return list(sentences_of(text, unwanted_words=frozenset(unwanted)))


def test_prose_before_the_first_section_is_taken() -> None:
    assert found(NUMPYDOC) == [
        "Draw samples from a normal distribution.",
        "A second sentence goes over two lines.",
    ]


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    assert found("It reads rows, columns, etc. All of them are then written to disk.") == []


def test_sections_in_the_style_of_google_end_the_prose() -> None:
    assert found(GOOGLE) == ["Run the search over all of the candidates."]


def test_markup_around_plain_words_is_taken_off() -> None:
    text = "Return the :class:`figure` and *every* ``axis`` of the 'plot'."
    assert found(text) == ["Return the figure and every axis of the plot."]


@pytest.mark.parametrize(
    "text",
    [
        "Too short.",
        "Has no full stop at the end",
        "starts with a lower case letter here.",
        "Call ``frame.sum(axis=0)`` before the rows are read.",
        "The my_value attribute is read before the rows are.",
        "Read https://example.org before any of the rows here.",
        "The DataFrame of the rows is read before any other.",
        "Return the (unbalanced bracket of the rows here.",
        "Equal to 3 + 4 for the rows that are here.",
        ">>> Print the rows that are read here.",
        "This one runs on " + "and on " * 12 + "to the end.",
        "USE THE SQL AND DDL OR DML statement.",
    ],
)
def test_what_is_not_plain_english_is_left_out(text: str) -> None:
    assert found(text) == []


def test_sentences_with_unwanted_words_are_left_out() -> None:
    text = "Ray starts the workers one by one. An array of rows is read here."
    assert found(text, "ray") == ["An array of rows is read here."]
