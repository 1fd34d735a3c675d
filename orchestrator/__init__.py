"""From one YAML to a finished sweep: specification, planner, scheduling, catalog, registry.

Importing any of it is quick: torch is imported only where a trial runs. For notebooks and scripts,
`from orchestrator import Sweeps` is all that is needed (`docs/python.md`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.commands.python_api.submission import Outcome, Submission
    from orchestrator.commands.python_api.sweeps import Sweeps
    from orchestrator.errors import OrchestratorError

_HOME = {
    "OrchestratorError": "errors",
    "Outcome": "commands.python_api.submission",
    "Submission": "commands.python_api.submission",
    "Sweeps": "commands.python_api.sweeps",
}

__all__ = ["OrchestratorError", "Outcome", "Submission", "Sweeps"]


def __getattr__(name: str) -> Any:
    """Import a name from its module when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found


def __dir__() -> list[str]:
    """List the names above besides those that are there already."""
    return sorted({*globals(), *__all__})
