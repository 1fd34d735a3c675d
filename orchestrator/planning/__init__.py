"""From a sweep specification to a plan, and from results to winners."""
