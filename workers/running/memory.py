"""Tune a worker's process: keep freed memory, and let Python collect garbage less often."""

import ctypes
import gc
import sys

# From glibc's malloc.h, see mallopt(3).
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_KEPT_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Keep up to 1 GB that is free for the next allocation; return whether that could be set.

    By default glibc gives every large tensor back to the system, and each training step pays for
    having the same pages mapped and zeroed anew. Elsewhere than with glibc nothing is changed.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    set_option = library.mallopt
    return bool(
        set_option(_MMAP_THRESHOLD, _KEPT_BYTES) and set_option(_TRIM_THRESHOLD, _KEPT_BYTES)
    )


def collect_less_often() -> None:
    """Let Python look for unreachable cycles after 50,000 new objects instead of 700.

    Importing torch, transformers and MLflow makes half a million objects that all stay; looking
    through them again and again took 0.5 to 0.8 s of the 3 s that a process needs to import them.
    """
    gc.set_threshold(50_000, *gc.get_threshold()[1:])
