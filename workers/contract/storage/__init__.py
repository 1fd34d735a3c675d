"""Where a trial's files are for good: in a folder, or as objects in object storage."""
