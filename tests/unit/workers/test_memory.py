import resource
import sys

import pytest

from workers.running.memory import keep_freed_memory

PAGES = (64 << 20) // resource.getpagesize()


def faults_of_a_large_allocation() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = bytearray(64 << 20)
    block[:: resource.getpagesize()] = b"\1" * PAGES
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    if not keep_freed_memory():
        pytest.skip("no mallopt")
    faults_of_a_large_allocation()
    assert faults_of_a_large_allocation() < PAGES / 10
