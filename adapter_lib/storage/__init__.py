"""Adapters on disk: our verified format, and the exchange with AdapterHub."""
