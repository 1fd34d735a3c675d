"""The colours of kinds of trials and of states, as a style sheet; figures have the same ones."""

from dashboards.looks import BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from orchestrator.catalog.records import TrialState

STATE_COLOURS = {
    TrialState.FINISHED: GREEN,
    TrialState.RUNNING: BLUE,
    TrialState.PENDING: "#C9CED6",
    TrialState.STOPPED: PURPLE,
    TrialState.BLOCKED: ORANGE,
    TrialState.FAILED: VERMILLION,
}
_UNKNOWN = GREY


def palette_style() -> str:
    """Return a rule for each key: `.k-robust`, `.k-state-failed`."""
    states = {f"state-{state}": colour for state, colour in STATE_COLOURS.items()}
    colours = {**COLOURS, **states}
    rules = [f".key{{background:{_UNKNOWN}}}"]
    rules += [f".k-{name}{{background:{colour};fill:{colour}}}" for name, colour in colours.items()]
    return "\n".join(rules) + "\n"
