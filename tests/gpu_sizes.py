"""Write the table of docs/gpus.md: how many trials fit a GPU, counted by the code that plans packs.

python -m tests.gpu_sizes
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from workers.contract.trial import Precision
from workers.joint.pack_memory import PassSize, memory_of
from workers.running.accelerator import memory_of_share

PAGE = Path(__file__).parents[1] / "docs" / "gpus.md"
BEGIN, END = "<!-- counted by python -m tests.gpu_sizes -->", "<!-- end of what is counted -->"
BASES = ((6, 384), (12, 768), (24, 1024))
GPUS_GIB = (8, 16, 24, 80, 141)
MIB, GIB = 2**20, 2**30


def sizes(layers: int, hidden_size: int) -> list[PassSize]:
    """Return what is counted for a base: every layer adapted in both precisions, and half of it."""
    made = [PassSize(layers, hidden_size, precision=p) for p in reversed(Precision)]
    return [*made, PassSize(layers, hidden_size, depth=layers // 2)]


def row(size: PassSize) -> str:
    """Return a base's line: what is counted, and what fits each GPU."""
    memory = memory_of(size)
    cells = [
        f"{size.layers} × {size.hidden_size:,}",
        f"{size.precision}",
        f"{size.depth}",
        f"{memory.fixed / MIB:,.0f}",
        f"{memory.per_trial / MIB:,.0f}",
    ]
    for gib in GPUS_GIB:
        usable = memory_of_share(gib * GIB, 1.0)
        most = memory.most(usable)
        cells.append(f"{most:,} ({memory.chosen_width(usable)})" if most else "none")
    return f"| {' | '.join(cells)} |"


def table(bases: Sequence[tuple[int, int]] = BASES) -> Iterator[str]:
    """Return the lines of the table."""
    heads = ["base", "precision", "n", "base and rest, MiB", "a trial, MiB"]
    heads += [f"{gib} GiB" for gib in GPUS_GIB]
    yield f"| {' | '.join(heads)} |"
    yield f"|---|---|{'--:|' * (len(heads) - 2)}"
    for base in bases:
        yield from map(row, sizes(*base))


def with_table(page: str) -> str:
    """Return the page with the table as it is counted now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([f"{before}{BEGIN}", "", *table(), "", f"{END}{after}"])


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
