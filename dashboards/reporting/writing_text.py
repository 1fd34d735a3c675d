"""Write a report for papers and notes: Markdown and LaTeX, with figures as files beside it."""

import html
import re
from collections.abc import Callable, Sequence

from dashboards.reporting.contents import Report, Table

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_TEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "−": "$-$",
    "…": r"\dots{}",
    "·": r"$\cdot$",
    "–": "--",
    "“": "``",
    "”": "''",
}

Escape = Callable[[str], str]


def markdown_text(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", html.escape(_one_line(text), quote=False))


def tex_text(text: str) -> str:
    """Return text that LaTeX sets as it is, on one line."""
    return "".join(_TEX.get(character, character) for character in _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fenced(text: str, language: str = "") -> str:
    """Return a block of code whose fence is longer than any in the text."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def as_markdown(report: Report, figures: Sequence[str]) -> str:
    """Return the report in Markdown.

    Args:
        figures: where each figure's file is, relative to the report.
    """
    say = markdown_text
    parts = [f"# {say(report.sweep)}", say(report.description)]
    parts.append("\n".join(f"- {say(name)}: {say(value)}" for name, value in report.facts))
    parts.append(markdown_table(report.overview))
    parts.append("## Findings")
    for finding in report.findings:
        parts.append(f"### {say(finding.topic)}")
        parts.append("\n".join(f"- {say(said)}" for said in finding.sentences))
    parts.append("### How this was computed")
    parts.append("\n".join(f"- {say(said)}" for said in report.method))
    parts.append("## Figures")
    for drawn, place in zip(report.figures, figures, strict=True):
        title = say(drawn.figure.title)
        parts += [f"### {title}", f"![{title}]({place})", f"*{say(drawn.figure.caption())}*"]
    for heading, tables in _sections(report):
        parts += [f"## {heading}", *map(markdown_table, tables)]
    parts.append("## Run it again")
    parts += [_fenced("\n".join(report.again), "sh"), _fenced(report.specification, "yaml")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sections(report: Report) -> list[tuple[str, Sequence[Table]]]:
    sections = [
        ("Leaderboards", report.leaderboards),
        ("Differences", report.differences),
        ("What was chosen on what", report.choices),
        ("Failures", [report.failures] if report.failures else []),
        ("Versions", report.versions),
    ]
    return [(heading, tables) for heading, tables in sections if tables]


def markdown_table(given: Table) -> str:
    """Return a table in Markdown with its title and note; nothing of one without rows."""
    if not given.rows:
        return ""
    say = markdown_text
    ruler = "|".join("--:" if name in given.numbers else "--" for name in given.columns)
    lines = [f"**{say(given.title)}**", ""] if given.title else []
    lines += [say(given.note), ""] if given.note else []
    lines += [f"| {' | '.join(map(say, given.columns))} |", f"|{ruler}|"]
    lines += [f"| {' | '.join(map(say, row))} |" for row in given.rows]
    return "\n".join(lines)


def as_tex(report: Report, figures: Sequence[str]) -> str:
    """Return the report as a LaTeX document, whose tables and figures can be taken out of it.

    Args:
        figures: where each figure's file is, relative to the report.
    """
    say = tex_text
    parts = [_PREAMBLE, rf"\title{{{say(report.sweep)}}}", r"\date{}\begin{document}\maketitle"]
    parts.append(say(report.description))
    parts.append(_tex_list([f"{name}: {value}" for name, value in report.facts]))
    parts.append(_tex_table(report.overview))
    parts.append(r"\section{Findings}")
    for finding in report.findings:
        parts += [rf"\subsection{{{say(finding.topic)}}}", _tex_list(finding.sentences)]
    parts += [r"\subsection{How this was computed}", _tex_list(report.method)]
    parts.append(r"\section{Figures}")
    for drawn, place in zip(report.figures, figures, strict=True):
        caption = f"{say(drawn.figure.title)}. {say(drawn.figure.caption())}"
        image = rf"\includegraphics[width=\ownwidth]{{{place}}}"
        parts.append(_environment("figure", rf"\centering{image}\caption{{{caption}}}"))
    for heading, tables in _sections(report):
        parts += [rf"\section{{{heading}}}", *map(_tex_table, tables)]
    parts += [r"\section{Run it again}", _tex_list(report.again), r"\end{document}"]
    return "\n\n".join(part for part in parts if part) + "\n"


_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp,graphicx,longtable,booktabs,array,ragged2e}
\usepackage[margin=2cm]{geometry}
% A figure's own width, at most the line's.
\makeatletter
\newcommand{\ownwidth}{\ifdim\Gin@nat@width>\linewidth\linewidth\else\Gin@nat@width\fi}
\makeatother"""


def _environment(name: str, content: str) -> str:
    return f"\\begin{{{name}}}\n{content}\n\\end{{{name}}}"


def _tex_list(items: Sequence[str]) -> str:
    lines = "\n".join(rf"\item {tex_text(item)}" for item in items)
    return _environment("itemize", lines) if items else ""


def _tex_table(given: Table) -> str:
    if not given.rows:
        return ""
    texts = sum(name not in given.numbers for name in given.columns)
    width = 0.55 / max(texts, 1)
    left = rf">{{\RaggedRight}}p{{{width:.2f}\linewidth}}"
    columns = "".join("r" if name in given.numbers else left for name in given.columns)
    lines = [rf"\begin{{longtable}}{{{columns}}}", rf"\caption{{{tex_text(given.title)}}}\\"]
    lines += [r"\toprule", " & ".join(map(tex_text, given.columns)) + r" \\ \midrule \endhead"]
    lines += [" & ".join(map(tex_text, row)) + r" \\" for row in given.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{longtable}", tex_text(given.note)])
