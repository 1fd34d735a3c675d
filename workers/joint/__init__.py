"""Joint training: the trials of a pack share each forward and backward pass."""
