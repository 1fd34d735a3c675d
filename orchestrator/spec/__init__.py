"""The sweep YAML: its model, and reading it with errors that point at a line."""
