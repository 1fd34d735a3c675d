"""The frozen base model: its layers in parts, and the loop that runs them."""
