"""Measurements against today's way, run by hand: `docs/benchmarks.md` gives the commands."""
