"""What a submission tells of itself: notices to commands and webhooks, and logs for programs."""

import http.server
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from orchestrator import command_line
from orchestrator.catalog import Catalog, MoveKind
from orchestrator.catalog.records import AliasMove
from orchestrator.commands import notifying
from orchestrator.commands.cluster_submitting import Places
from orchestrator.commands.driver_log import logging_to
from orchestrator.commands.notifying import Happening, Hook, Notice, notices_of
from orchestrator.commands.outside import Outside, observed
from orchestrator.errors import OrchestratorError, SchedulingError
from orchestrator.running.driver import Watch
from orchestrator.stores import Stores
from workers.contract.log_lines import LogFormat
from workers.contract.paths import TrialPaths
from workers.running.one_trial import logging_to as trial_logging_to

NOTICE = Notice(Happening.ENDED, "s", "s completed: 3 trained", {"trained": 3})


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook that answers with the codes that it was told to."""

    codes: list[int]
    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.codes.pop(0) if self.codes else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def webhook() -> Iterator[SimpleNamespace]:
    handler = type("Own", (Receiver,), {"codes": [], "got": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/hooks/secret-path"
    yield SimpleNamespace(address=address, got=handler.got, codes=handler.codes)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def listener(tmp_path: Path) -> SimpleNamespace:
    """A command that appends what it reads to a file."""
    script, heard = tmp_path / "listen.py", tmp_path / "heard"
    script.write_text(f"import sys; open({str(heard)!r}, 'a').write(sys.stdin.read())")
    command = f"{sys.executable} {script}"
    return SimpleNamespace(
        command=command, heard=lambda: list(map(json.loads, heard.read_text().splitlines()))
    )


def test_a_command_reads_the_notice(listener) -> None:
    assert Hook.of(listener.command).tell(NOTICE)
    assert listener.heard() == [
        {"event": "ended", "sweep": "s", "text": "s completed: 3 trained", "trained": 3}
    ]


def test_a_webhook_gets_the_same_and_is_tried_again(webhook, monkeypatch) -> None:
    monkeypatch.setattr(notifying, "time", SimpleNamespace(sleep=lambda _: None))
    webhook.codes[:] = [503, 429]
    assert Hook.of(webhook.address).tell(NOTICE)
    assert len(webhook.got) == 3
    assert webhook.got[-1]["event"] == "ended"


@pytest.mark.parametrize(("codes", "tries"), [([404], 1), ([500, 500, 500], 3)])
def test_what_does_not_arrive_is_logged_without_the_address(
    codes, tries, webhook, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(notifying, "time", SimpleNamespace(sleep=lambda _: None))
    webhook.codes[:] = codes
    assert not Hook.of(webhook.address).tell(NOTICE)
    assert len(webhook.got) == tries
    assert "could not tell http://127.0.0.1/… of ended" in caplog.text
    assert "secret-path" not in caplog.text


@pytest.mark.parametrize("command", ["false", "/no/such/command", "http://127.0.0.1:1/secret-path"])
def test_nothing_that_goes_wrong_with_a_notice_is_raised(command, monkeypatch, caplog) -> None:
    monkeypatch.setattr(notifying, "time", SimpleNamespace(sleep=lambda _: None))
    assert not Hook.of(command).tell(NOTICE)
    assert "could not tell" in caplog.text
    assert "secret-path" not in caplog.text


def test_the_address_may_stand_in_a_file_that_only_its_owner_reads(webhook, tmp_path) -> None:
    path = tmp_path / "hook"
    path.write_text(f"{webhook.address}\n")
    path.chmod(0o644)
    with pytest.raises(OrchestratorError, match="can be read by others; run `chmod 600"):
        Hook.of(f"@{path}")
    path.chmod(0o600)
    assert Hook.of(f"@{path}").webhook == webhook.address
    for wrong in ("", "@", f"@{tmp_path / 'none'}", "echo 'open"):
        with pytest.raises(OrchestratorError, match="--notify"):
            Hook.of(wrong)


def test_an_address_as_an_argument_is_refused(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["adaptersweep", "submit", "x.yaml", "--notify", "https://chat/secret-path"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "found the address of a webhook" in said
    assert "ADAPTERSWEEP_NOTIFY" in said
    assert "secret-path" not in said


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"catalog": "postgresql+psycopg://ada:hunter2@h/db"}, "--catalog"),
        ({"tracking": "http://ada:hunter2@h"}, "--tracking"),
        ({"outside": Outside(notify="https://chat/hunter2")}, "--notify"),
    ],
)
def test_no_secret_is_sent_to_a_cluster(given, named) -> None:
    known: dict[str, Any] = {"cluster": "c", "workspace": Path("/w"), "tracking": None}
    fine = known | {"catalog": "postgresql+psycopg://ada@h/db", "outside": Outside(notify="@/x")}
    Places(**fine).check()
    with pytest.raises(OrchestratorError, match=f"^{named}: found a secret") as caught:
        Places(**fine | given).check()
    assert "hunter2" not in str(caught.value)


def outcome(**changed: Any) -> Any:
    known = {
        "plan": SimpleNamespace(spec=SimpleNamespace(name="s"), trials={"a": 1, "b": 2}),
        "trained": 1,
        "reused": 0,
        "failed": ["b"],
        "blocked": [],
        "stopped": None,
        "interrupted": False,
        "complete": False,
    }
    return SimpleNamespace(**known | changed)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"complete": True, "failed": []}, [("ended", "completed")]),
        ({}, [("ended", "failed")]),
        ({"interrupted": True}, [("ended", "interrupted")]),
        ({"interrupted": True, "stopped": "taken over"}, [("ended", "interrupted")]),
        ({"stopped": "3 trials failed"}, [("failure_budget", None), ("ended", "failed")]),
    ],
)
def test_the_end_is_told_with_how_it_came(changed, told) -> None:
    found = list(notices_of(outcome(**changed), [], duration_s=1.5))
    assert [(n.happening.value, n.fields.get("outcome")) for n in found] == told
    assert found[-1].fields["duration_s"] == 1.5
    assert found[-1].text.startswith(f"s {told[-1][1]}: 2 trials, 1 trained")


def move(catalog: Catalog, version: str, *, sweep: str = "s", kind=MoveKind.REGISTERED) -> None:
    fields = {
        "name": "rte--b",
        "task": "rte",
        "base": "b",
        "alias": "champion",
        "kind": kind,
        "from_version": None,
        "to_version": version,
        "trial_id": None,
        "score": 0.5,
        "why": "better",
        "sweep": sweep,
        "moved_by": "ada@host",
        "moved_at": datetime.now(UTC),
    }
    catalog.record_move(AliasMove.model_validate(fields))


def test_a_champion_is_told_when_this_submission_made_it(listener, tmp_path) -> None:
    stores = Stores.at(tmp_path / "workspace")
    stores.prepare()
    with Catalog.open(stores.catalog_url) as catalog:
        move(catalog, "1")
        asked = Outside(notify=listener.command)
        with observed(asked, "s", stores, Watch(), Console(quiet=True)) as seen:
            move(catalog, "2")
            move(catalog, "3", sweep="another")
            move(catalog, "4", kind=MoveKind.STAYED)
            seen.ended(outcome(complete=True))
    champion, ended = listener.heard()
    assert (champion["event"], ended["event"]) == ("new_champion", "ended")
    assert (champion["reference"], champion["to_version"]) == ("rte@champion", "2")
    assert champion["text"] == "rte@champion is now version 2: better"


def test_an_error_that_ends_a_submission_is_told(listener, tmp_path) -> None:
    asked = Outside(notify=listener.command)
    stores = Stores.at(tmp_path / "workspace")
    with (
        pytest.raises(SchedulingError),
        observed(asked, "s", stores, Watch(), Console(quiet=True)),
    ):
        raise SchedulingError("http://ada:secret@h is gone")
    (told,) = listener.heard()
    assert told == {
        "event": "ended",
        "sweep": "s",
        "text": "s ended: http://***@h is gone",
        "outcome": "error",
    }


def test_a_log_of_json_has_one_object_a_line_and_no_secret(tmp_path) -> None:
    path = tmp_path / "driver.log"
    with logging_to(path, LogFormat.JSON):
        log = logging.getLogger("orchestrator.running")
        log.info("two\nlines of %s", "http://ada:hunter2@h")
        try:
            raise OrchestratorError("postgresql://ada:hunter2@h/db is down")
        except OrchestratorError:
            log.exception("it failed")
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["message"] == "two\nlines of http://***@h"
    assert (first["level"], first["logger"]) == ("info", "orchestrator.running")
    assert "traceback" not in first
    assert "OrchestratorError: postgresql://***@h/db is down" in second["traceback"]
    assert "hunter2" not in path.read_text()
    assert first["time"].endswith("+00:00")


def test_workers_write_the_form_of_the_driver_that_started_them(tmp_path, monkeypatch) -> None:
    paths = TrialPaths(tmp_path / "ab12")
    log = logging.getLogger("workers.x")
    with logging_to(tmp_path / "driver.log", LogFormat.JSON), trial_logging_to(paths):
        log.info("one")
    with logging_to(tmp_path / "driver.log"), trial_logging_to(paths):
        log.info("two")
    first, second = paths.log.read_text().splitlines()
    assert json.loads(first)["message"] == "one"
    assert json.loads(first)["trial"] == "ab12"
    assert second.endswith("INFO workers.x: two")
