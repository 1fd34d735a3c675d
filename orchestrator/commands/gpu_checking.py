"""`gpu-check`: small trials on this machine's GPU, and a table of what they show.

The checks themselves are in `workers.running.gpu_check`.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from orchestrator.commands.output import console, print_json, table
from orchestrator.errors import OrchestratorError

_MARKS = {True: "[green]ok[/]", False: "[red]no[/]", None: ""}


def gpu_check(device: str, *, base: str | None, as_json: bool) -> int:
    """Run all checks on a device; return 0 when nothing is off, otherwise 1.

    Raises:
        WorkerError: there is no such device or base.
        OrchestratorError: the device is named wrongly.
    """
    import torch

    from workers.running.accelerator import claim
    from workers.running.gpu_check.checks import TINY, Sizes, made_bench, run_checks

    try:
        asked = torch.device(device)
    except RuntimeError as error:
        raise OrchestratorError(f"expected `cuda`, `cuda:N` or `cpu`, found {device!r}") from error
    chosen, _ = claim(asked)
    if chosen.type not in ("cuda", "cpu"):
        raise OrchestratorError(f"expected `cuda`, `cuda:N` or `cpu`, found {device!r}")
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    sizes = TINY if chosen.type == "cpu" else Sizes()
    told = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as folder, told.status("") as status:
        bench = made_bench(chosen, Path(folder), sizes, base=base)
        report = run_checks(bench, began=lambda name: status.update(f"{name} …"))
    if as_json:
        print_json(asdict(report) | {"ok": report.ok})
        return 0 if report.ok else 1
    rows = table("", "check", "found", "asked for", "s")
    for finding in report.findings:
        texts = (finding.check, finding.found, finding.bound)
        rows.add_row(_MARKS[finding.ok], *map(escape, texts), f"{finding.seconds:.0f}")
    console().print(", ".join(f"{name} {value}" for name, value in report.device.items()))
    console().print(rows)
    for finding in report.findings:
        if finding.ok is False:
            console().print(f"off: {escape(finding.check)}: {escape(finding.found)}")
    if chosen.type == "cpu":
        console().print("This was a processor: it says that the check works, and nothing of a GPU.")
    return 0 if report.ok else 1
