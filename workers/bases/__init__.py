"""Base models: where their files come from, and that they are still the same."""
