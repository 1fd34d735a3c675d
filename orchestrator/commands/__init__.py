"""How each command is called, in `*_commands.py`, and what it does, in the other modules."""
