"""How a forecast is said to people: a table by stage, and sentences."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from orchestrator.commands.output import count, duration, table
from orchestrator.planning.forecasting.estimates import Range
from orchestrator.running.forecasting.forecast_values import PlanForecast, Stage

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_HOUR_S = 3600.0


def draw_forecast(out: Console, found: PlanForecast, *, calibrating: str) -> None:
    """Print what a plan will take, or that nobody knows and how to find out.

    Args:
        calibrating: what a person writes to have costs measured.
    """
    if not found.to_run:
        return
    if found.known:
        out.print(_stages(found))
    for sentence in sentences(found, calibrating=calibrating):
        out.print(sentence, soft_wrap=True, markup=False)


def _stages(found: PlanForecast) -> Table:
    numbers = ("to run", "a worker is at it for", "of processors")
    rows = table("forecast", *numbers, right=numbers)
    for stage in (*found.stages, found.shared):
        rows.add_row(stage.name, count(stage.trials) if stage.trials else "", *_cells(stage))
    return rows


def _cells(stage: Stage) -> tuple[str, str]:
    if stage.trials and stage.unknown == stage.trials:
        return "not known", "not known"
    return times(stage.worker_s), times(stage.cpu_s)


def sentences(found: PlanForecast, *, calibrating: str) -> Iterator[str]:
    """Yield what is forecast, from what, and what is not known."""
    if found.known:
        yield wall_sentence(found)
        yield f"from {_basis(found)}; each range is to hold in 4 of 5 sweeps (80 %)"
        if found.may_end_sooner:
            keys = " and ".join(f"`{key}`" for key in found.may_end_sooner)
            yield f"that is all of its trials to their ends; {keys} may stop some sooner"
    needs = found.storage
    cache = (
        f", and up to {size(needs.prefixes)} of frozen prefixes a node" if needs.prefixes else ""
    )
    meanwhile = f"; checkpoints meanwhile {size(needs.checkpoints)}" if needs.checkpoints else ""
    kept = found.storage_bytes
    parts = {
        "adapters": needs.adapters,
        "their copies in MLflow": needs.artifacts,
        "predictions": needs.predictions,  # none are counted where a task's rows are not known yet
        "report, records and databases": needs.report + needs.records + needs.databases,
    }
    counted = ", ".join(f"{name} {size(number)}" for name, number in parts.items() if number)
    yield (
        f"storage: {size(kept.low)} to {size(kept.high)}{f' ({counted})' if counted else ''}"
        f"{cache}{meanwhile}"
    )
    if found.unknown:
        reasons = "; ".join(f"{why}: {count(n)} trials" for why, n in found.unknown.items())
        yield (
            f"not known: {reasons}. `{calibrating}` measures it in minutes, "
            "with small trials of this plan"
        )


def wall_sentence(found: PlanForecast) -> str:
    """Say how long a plan will take, and hours of what it takes."""
    workers, part = found.workers, " of what is known" if found.unknown else ""
    return (
        f"forecast{part}: {times(found.wall_s)} with {workers.in_words} ({workers.why}); "
        f"{_hours(found)}"
    )


def _hours(found: PlanForecast) -> str:
    if found.gpu_s is not None:
        return f"GPU-hours {hours(found.gpu_s)}, CPU-hours {hours(found.cpu_s)}"
    return f"CPU-hours {hours(found.cpu_s)}"


def _basis(found: PlanForecast) -> str:
    finished = found.from_trials - found.calibrated
    parts = [f"{count(finished)} finished trials"] if finished else []
    if found.calibrated:
        parts.append(f"{count(found.calibrated)} small trials of a calibration")
    words = " and ".join(parts)
    if found.guessed:
        words += f"; {count(found.guessed)} trials are of methods that were never measured here"
    return words


def times(found: Range) -> str:
    """Return a range of seconds as people say it, such as `40 s to 55 s`."""
    low, high = duration(found.low), duration(found.high)
    return low if low == high else f"{low} to {high}"


def hours(found: Range) -> str:
    """Return a range of hours, to two digits."""
    return f"{found.low / _HOUR_S:.2g} to {found.high / _HOUR_S:.2g}"


def size(size_bytes: float) -> str:
    """Return bytes as people say them."""
    unit = 0
    while size_bytes >= 1000 and unit < len(_UNITS) - 1:
        size_bytes, unit = size_bytes / 1024, unit + 1
    return (
        f"{size_bytes:.0f} {_UNITS[unit]}"
        if size_bytes >= 10
        else f"{size_bytes:.1f} {_UNITS[unit]}"
    )
