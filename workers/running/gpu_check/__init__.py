"""Is a GPU right and fast for this project? Small trials on it, compared with what they must be."""
