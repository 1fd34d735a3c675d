"""Pictures of what a catalog holds. Reads, and never writes."""
