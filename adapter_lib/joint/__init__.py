"""Several adapters over one base in one pass, for training and for inference."""
