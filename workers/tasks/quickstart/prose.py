"""Plain English sentences out of a docstring's prose, without its code, tables and markup."""

import re
from collections.abc import Iterator

LEAST_WORDS = 5
MOST_WORDS = 25

_SECTION = re.compile(
    r"^(parameters|params|args|arguments|returns?|yields?|raises|warns|notes?|see also|references"
    r"|examples?|usage|attributes|methods|other parameters|keyword arg\w*|shape|inputs?|outputs?"
    r"|todo|version\w*|deprecated|warnings?|default values?)\s*:*\s*$",
    re.IGNORECASE,
)
_RULE = re.compile(r"^[=\-~^*\"'#`.]{3,}\s*$")
_NO_PROSE = re.compile(r"^(\s|>>>|\.\.|[-*+•|:@#$]|\d+[.)]|\[\d+\]|.*::\s*$)")
_ROLE = re.compile(r":[\w:+-]+:`~?([^`<]*?)(\s*<[^>]*>)?`")
_QUOTED_WORD = re.compile(r"(``?|\*\*?|'|\")([A-Za-z][a-z]+)\1")
_BOUNDARY = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|cf|vs|resp|Eq|Fig|Ref|al|approx)\.$")
_WORD = re.compile(r"[A-Za-z]+(['’-][A-Za-z]+)*")
_PLAIN = re.compile(r"[A-Za-z0-9 ,;:'’()\-]+\.")
_PUNCTUATION = ",;:()."
_LEAST_LOWER_SHARE = 0.8


def sentences_of(docstring: str, *, unwanted_words: frozenset[str]) -> Iterator[str]:
    """Yield the plain sentences of a docstring's prose, in order.

    A sentence is left out rather than repaired: where it is not plain English of 5 to 25 words,
    or one of its words, in lower case, contains one of `unwanted_words`.
    """
    for paragraph in _paragraphs(docstring):
        text = _QUOTED_WORD.sub(r"\2", _ROLE.sub(r"\1", " ".join(paragraph.split())))
        for sentence in _split(text):
            if _is_plain(sentence) and not _mentions(sentence, unwanted_words):
                yield sentence


def _paragraphs(docstring: str) -> Iterator[str]:
    """Yield the paragraphs before the first section, as numpydoc and Google's style mark them."""
    lines: list[str] = []
    for line in [*docstring.splitlines(), ""]:
        if _SECTION.match(line) or _RULE.match(line):
            return
        if line.strip():
            lines.append(line)
        elif lines:
            if not any(_NO_PROSE.match(each) for each in lines):
                yield "\n".join(lines)
            lines = []


def _split(text: str) -> Iterator[str]:
    started = ""
    for part in _BOUNDARY.split(text):
        started = f"{started} {part}".strip()
        if not _ABBREVIATION.search(started):
            yield started
            started = ""


def _is_plain(sentence: str) -> bool:
    if not _PLAIN.fullmatch(sentence) or not sentence[0].isupper():
        return False
    if sentence.count("(") != sentence.count(")"):
        return False
    words = [word.strip(_PUNCTUATION) for word in sentence.split()]
    if not LEAST_WORDS <= len(words) <= MOST_WORDS:
        return False
    # Only the first word may be capitalised freely: identifiers and names are left out.
    lower = sum(
        (bool(_WORD.fullmatch(word)) and word[1:].islower()) or word in "aI" for word in words
    )
    camel = any(re.search(r"[a-z][A-Z]", word) for word in words)
    return not camel and lower >= _LEAST_LOWER_SHARE * len(words)


def _mentions(sentence: str, unwanted_words: frozenset[str]) -> bool:
    words = {word.lower() for word in re.findall(r"[A-Za-z]+", sentence)}
    return not words.isdisjoint(unwanted_words)
