"""`--watch`: tables again when they change, whole, until Ctrl-C."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from orchestrator import command_line
from orchestrator.catalog.catalog import Catalog
from orchestrator.commands import watching
from orchestrator.errors import CatalogUnavailableError
from orchestrator.stores import Stores
from workers.contract.trial import Trial


@pytest.fixture
def three_looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let three looks pass at once, then press Ctrl-C; give how long each would have waited."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            raise KeyboardInterrupt

    # Not `time.sleep` itself, which threads of other tests call.
    monkeypatch.setattr(watching, "time", SimpleNamespace(sleep=sleep))
    return waited


def test_a_pipe_is_given_what_changed(
    three_looks: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    pages = iter(["one trial", "one trial", "two trials"])
    with pytest.raises(KeyboardInterrupt):
        watching.follow(lambda out: out.print(next(pages)))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "trial" in line] == ["one trial", "two trials"]
    assert all(":" in line and line.endswith(" UTC") for line in lines[::3])
    assert three_looks == [watching.EVERY_S] * 3


def test_a_terminal_is_redrawn(three_looks: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = StringIO()
    terminal = Console(file=screen, force_terminal=True, width=40)
    monkeypatch.setattr(watching, "console", lambda: terminal)
    pages = iter(["[red]one[/] trial", "two trials", "three trials"])
    with pytest.raises(KeyboardInterrupt):
        watching.follow(lambda out: out.print(next(pages)))
    assert "two trials" in screen.getvalue()
    assert "\x1b[31mone" in screen.getvalue()
    assert "\x1b[2K" in screen.getvalue(), "the page before was not taken away"


def test_a_catalog_that_is_away_is_asked_again(
    three_looks: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    pages = iter([None, "one trial", "one trial"])

    def draw(out: Console) -> None:
        page = next(pages)
        if page is None:
            raise CatalogUnavailableError("the catalog does not answer")
        out.print(page)

    with pytest.raises(KeyboardInterrupt):
        watching.follow(draw)
    said = capsys.readouterr().out
    assert "the catalog does not answer; asking again" in said
    assert "one trial" in said


@pytest.mark.parametrize("as_json", [False, True])
def test_status_can_be_watched(
    as_json: bool,
    three_looks: list[float],
    stores: Stores,
    many: Callable[[int], list[Trial]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Catalog.open(stores.catalog_url) as catalog:
        catalog.begin_submission("watched", "name: watched", many(3))
    folder: Path = stores.workspace.root
    arguments = ["adaptersweep", "status", "-w", str(folder), "--watch"] + ["--json"] * as_json
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 130
    time_of_day, _, page = capsys.readouterr().out.partition("\n")
    assert time_of_day.endswith(" UTC")
    if as_json:
        assert json.loads(page)[0]["name"] == "watched"
    else:
        assert "watched" in page
