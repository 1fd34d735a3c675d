"""Every error that dashboards raise on purpose."""


class DashboardError(Exception):
    """Root of this package's errors. A message says expected, found, where, and the next step."""
