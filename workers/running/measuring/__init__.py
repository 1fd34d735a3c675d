"""Time training steps and inference passes of models with random weights, in turns."""
