"""Pages over a catalog, for a browser: read-only, without any request that leaves the machine."""
