"""Sweeps from Python as a person uses them: the code of the page, and Ctrl-C in a notebook."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import Sweeps
from orchestrator.errors import CatalogError

ROOT = Path(__file__).parents[2]
OTHERS = {
    "docs/word_order": "one",
    "a cat sleeps on the stone": "the film was good",
    "stone the on sleeps cat a": "a bad plot",
}
"""What the page says of the quickstart, and what stands for it in the toy sweep."""

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(toy_sweep: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with a toy sweep in the quickstart's place."""
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "ADAPTERSWEEP_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    text = toy_sweep().read_text().replace("name: toy", "name: quickstart")
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "quickstart.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_code_of_the_page_runs(folder: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 7
    code = "\n".join(blocks)
    for theirs, ours in OTHERS.items():
        code = code.replace(theirs, ours)
    (folder / "page.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "page.py"], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "30 trials, 0 reused, 30 to run" in said
    assert re.search(r"quickstart: 30 trials, 30 finished", said)
    # Of its three layers, 0 to 2 are dropped.
    assert re.search(r"^one +[01]\.\d+ +[01]\.\d+ +[01]\.\d+$", said, re.MULTILINE), said
    assert len(re.findall(r"^(?:good|bad) [01]\.\d+$", said, re.MULTILINE)) == 2
    assert "has no sweep 'quickstrat'; it has: quickstart" in said
    assert (folder / "drop_curves.svg").read_text().startswith("<svg")
    assert "Traceback" not in done.stderr
    assert [p.name for p in folder.iterdir() if p.name.startswith(".sweep")] == []


def test_ctrl_c_in_the_middle_keeps_what_is_finished_and_submitting_again_goes_on(
    folder: Path, until: Callable[..., None]
) -> None:
    sweep = folder / "sweeps" / "quickstart.yaml"
    sweep.write_text(sweep.read_text().replace("epochs: 2", "epochs: 8"))  # so that time is left
    # What a shell runs in the background ignores Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Sweeps("workspace") as sweeps:
        submission = sweeps.submit("sweeps/quickstart.yaml", follow=False)

        def finished() -> int:
            try:
                table = sweeps.status()
            except CatalogError:  # there is none yet
                return 0
            return int(table.iloc[0]["finished"]) if len(table) else 0

        until(lambda: finished() > 2 or submission.outcome is not None, 120, "some are finished")
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            submission.follow()
        outcome = submission.outcome
        assert outcome is not None
        assert outcome.interrupted
        kept = finished()
        assert 2 < kept < outcome.trials
        again = sweeps.submit("sweeps/quickstart.yaml").outcome
        assert again is not None
        assert again.complete
        assert (again.reused, again.trained) == (kept, again.trials - kept)
