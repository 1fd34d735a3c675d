"""The same training for the trials of a pack, all in one pass."""
