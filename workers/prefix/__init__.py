"""The frozen part of the base model, computed once per data and settings and kept on the node."""
