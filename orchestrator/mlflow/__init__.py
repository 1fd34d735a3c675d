"""MLflow as a mirror of the catalog: its store, its runs, and what is sent to them."""
