"""From one YAML to a finished sweep: specification, planner, scheduling, catalog, registry.

Importing any of it is quick: torch is imported only where a trial runs.
"""
