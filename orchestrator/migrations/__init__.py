"""The history of the catalog's schema. Released migrations never change."""
