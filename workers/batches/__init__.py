"""From rows to batches: tokens, examples, and stored activations of the frozen part."""
