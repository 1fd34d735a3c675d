"""What each command does; `orchestrator.command_line` says how it is called."""
