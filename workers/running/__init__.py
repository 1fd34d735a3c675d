"""Run the trials of a bundle from what they need to their committed results."""
