"""Peak memory of a worker against a setting of the sweep: size of packs, size of the cache.

Each value is a sweep of its own with one worker and an empty cache. Sampled from outside is what
the worker has to itself, and apart from that what it maps from files and may be asked to give back.

    python -m tests.benchmarks.memory
    python -m tests.benchmarks.memory --vary fast_path.cache_gib=0,8 --rows 100 --rounds 1
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.harness import (
    Ledger,
    alternate,
    console,
    environment,
    environment_line,
    parser,
    show,
    spread,
)
from tests.benchmarks.own_sweep import DRIVER, WORKER, submit
from tests.benchmarks.tasks import minilm_folder, random_bert, word_task


def run_value(arguments: argparse.Namespace, base: Path, task: Path, value: Any) -> dict[str, Any]:
    """Submit the sweep with one value of the setting, in an empty workspace."""
    (section, name), _ = arguments.vary
    specification = {
        "name": "memory",
        "base_models": {"base": {"source": f"folder:{base}"}},
        "tasks": {"words": {"folder": str(task)}},
        "seeds": list(range(arguments.seeds)),
        "drop": {"mode": "specialised", "depth": arguments.depths},
        "training": {
            "batch_size": arguments.batch_size,
            "max_length": arguments.tokens,
            "epochs": 1,
            "precision": arguments.precision,
        },
        "resources": {"cpus": 1, "max_workers": 1},
    }
    specification.setdefault(section, {})[name] = value
    with tempfile.TemporaryDirectory(prefix="memory-", dir=arguments.scratch) as folder:
        usage, _ = submit(specification, Path(folder) / "sweep")
    if WORKER not in usage.peak_bytes_by_name:
        raise SystemExit(
            f"expected a process {WORKER}, found {', '.join(usage.peak_bytes_by_name)}"
        )
    return {
        "worker_bytes": usage.peak_bytes_by_name[WORKER],
        "mapped_bytes": usage.mapped_bytes_by_name[WORKER],
        "driver_bytes": usage.peak_bytes_by_name.get(DRIVER, 0),
        "tree_bytes": usage.peak_bytes,
        "cpu_s": usage.cpu_s,
        "wall_s": usage.wall_s,
    }


def report(arguments: argparse.Namespace, ledger: Ledger) -> None:
    """Print what the results file holds."""
    _, values = arguments.vary
    rows = []
    for value in values:
        found = ledger.get(unit_name(arguments, value))
        if found is not None:
            mib = [
                spread(r[key] / 2**20 for r in found)
                for key in ("worker_bytes", "mapped_bytes", "driver_bytes", "tree_bytes")
            ]
            rows.append([value, *mib, spread(r["cpu_s"] for r in found)])
    show(
        f"Peak memory in MiB, {arguments.base} in {arguments.precision}",
        (".".join(arguments.vary[0]), "worker", "mapped", "driver", "everything", "CPU s"),
        rows,
    )


def unit_name(arguments: argparse.Namespace, value: Any) -> str:
    key = ".".join(arguments.vary[0])
    return f"{arguments.base}/{arguments.precision}/{key}={value}"


def _setting(text: str) -> tuple[tuple[str, str], list[Any]]:
    key, _, values = text.partition("=")
    section, _, name = key.partition(".")
    return (section, name), [yaml.safe_load(value) for value in values.split(",")]


def main() -> None:
    made = parser("Peak memory of a worker against a setting of its resources.", name="memory")
    made.add_argument(
        "--vary",
        type=_setting,
        default=_setting("fast_path.pack_width=1,2,4,8,16,32"),
        help="a section of the sweep, a key in it, and its values",
    )
    made.add_argument("--base", default="minilm", choices=["minilm", "bert12"])
    made.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    made.add_argument("--depths", nargs="+", type=int, default=[0, 1, 2, 3, 4, 5])
    made.add_argument("--seeds", type=int, default=6)
    made.add_argument("--rows", type=int, default=256)
    made.add_argument("--tokens", type=int, default=64)
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--scratch", type=Path, default=None, help="where workspaces are made")
    made.add_argument("--report", action="store_true", help="only print what was measured")
    arguments = made.parse_args()
    shared = ("depths", "seeds", "rows", "tokens", "batch_size")
    ledger = Ledger(arguments.out, settings={name: getattr(arguments, name) for name in shared})
    _, values = arguments.vary
    if not arguments.report:
        console.print(environment_line(environment()))
        with tempfile.TemporaryDirectory(prefix="memory-", dir=arguments.scratch) as temporary:
            root = Path(temporary)
            lengths = (arguments.tokens - 7, arguments.tokens)
            task = word_task(root, rows=arguments.rows, tokens=lengths)
            base = minilm_folder()
            if arguments.base == "bert12":
                base = random_bert(root / "bert12", layers=12, hidden_size=768)
            units = {unit_name(arguments, value): value for value in values}
            missing = {u: v for u, v in units.items() if ledger.get(u) is None}
            found = alternate(
                {u: lambda v=v: run_value(arguments, base, task, v) for u, v in missing.items()},
                rounds=arguments.rounds,
            )
            for unit, results in found.items():
                ledger.put(unit, results)
    report(arguments, ledger)


if __name__ == "__main__":
    main()
