"""`study`: every claim of the papers beside what a catalog, or exported results, hold of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adapter_lib.storage.atomic_write import write_atomically
from dashboards.study.study import Study, make_study
from dashboards.study.study_page import as_markdown, as_records, in_words
from orchestrator.catalog.catalog import Catalog
from orchestrator.catalog.exchange.opening import catalog_of
from orchestrator.commands.browsing import open_catalog
from orchestrator.commands.output import console, print_json, say, table
from orchestrator.errors import OrchestratorError

_ENDING = ".md"


def study(
    sweep: str | None,
    to: Path | None,
    workspace: Path,
    *,
    catalog: str | None,
    files: Sequence[Path],
    as_json: bool,
) -> None:
    """Print every claim with its verdict, or write the page.

    Raises:
        OrchestratorError: the file's name does not end in .md, or it cannot be written.
    """
    if to is not None and to.suffix.lower() != _ENDING:
        raise OrchestratorError(f"--to: expected a file that ends in {_ENDING}, found {to}")
    with _opened(workspace, catalog, files) as opened:
        found = make_study(opened, sweep)
    if as_json:
        print_json(as_records(found))
    elif to is None:
        _show(found)
    else:
        try:
            write_atomically(to, as_markdown(found, _again(sweep, to, files)).encode())
        except OSError as error:
            raise OrchestratorError(
                f"{to} cannot be written: {error.strerror}; give another place"
            ) from error
        say(f"{len(found.answers)} claims in {to}")


@contextmanager
def _opened(workspace: Path, catalog: str | None, files: Sequence[Path]) -> Iterator[Catalog]:
    opening = catalog_of(files) if files else open_catalog(workspace, catalog)
    with opening as opened:
        yield opened


def _again(sweep: str | None, to: Path, files: Sequence[Path]) -> list[str]:
    words = ["adaptersweep", "study", *([sweep] if sweep else [])]
    words += [f"--from {file}" for file in files]
    return [" ".join([*words, f"--to {to}"])]


def _show(found: Study) -> None:
    view = table("claim", "paper", "here (95 % interval)", "verdict")
    view.columns[0].ratio = 1
    for answer in found.answers:
        estimate = answer.estimate
        view.add_row(
            answer.claim.says,
            answer.claim.number,
            f"measured by {answer.claim.sweep}" if estimate is None else in_words(estimate),
            answer.verdict.value,
        )
    console().print(view)
    say(", ".join(f"{number} {verdict}" for verdict, number in found.counts.items()))
