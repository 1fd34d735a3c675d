"""Sweeps from Python, for notebooks and scripts. The door is `from orchestrator import Sweeps`."""
