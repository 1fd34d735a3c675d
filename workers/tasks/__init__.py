"""Tasks: where their rows come from, what their labels mean, how they are scored."""
