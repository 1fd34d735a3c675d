"""Random numbers: one generator per trial and purpose, so that no purpose disturbs another."""

import hashlib

import torch


def seed_for(seed: int, purpose: str) -> int:
    """Return a 63-bit seed that depends on the trial's seed and the purpose alone."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator_for(seed: int, purpose: str) -> torch.Generator:
    """Return a CPU generator for `purpose`, such as 'initialisation' or 'order'."""
    return torch.Generator().manual_seed(seed_for(seed, purpose))
