"""Adapters over frozen transformers: train, drop, share, fuse, prune and serve them.

Import what you need from the modules: `adapter_lib.configuration` is free of torch, the others are
not. `docs/architecture.md` shows how they fit together.
"""
