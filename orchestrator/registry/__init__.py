"""The registry of winners: versions and aliases, finding, pulling and moving them."""
