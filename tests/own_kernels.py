"""The reference that what computes otherwise on CPUs is compared with: torch alone, padded."""

from contextlib import AbstractContextManager
from unittest.mock import patch

from adapter_lib.transformer.backbone import Backbone


def own_kernels_off(backbone: Backbone) -> AbstractContextManager[bool]:
    return patch.object(backbone, "own_kernels", False)
