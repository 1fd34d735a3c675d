"""Ports of loopback for the servers that tests start.

They lie below the range from which the system takes the ports of outgoing connections (from 32768
on Linux), and above the one of Ray's workers (10002 to 19999): nothing else takes one between the
moment it is found free and the moment at which its server listens, except another test that draws
the same.
"""

import random
import socket

_OF_ONE_SERVER = range(22_100, 29_900)
_OF_SEVERAL_PARTS = range(20_000, 22_000)
_draw = random.SystemRandom()


def free_port() -> int:
    """Find a port of loopback that nobody listens on."""
    return _free(_OF_ONE_SERVER, (0,))


def free_ports(offsets: tuple[int, ...]) -> int:
    """Find a port from which on those at ``offsets`` (at most 10,100 above it) are all free."""
    return _free(_OF_SEVERAL_PARTS, offsets)


def _free(ports: range, offsets: tuple[int, ...]) -> int:
    for first in _draw.sample(ports, 200):
        if all(_is_free(first + offset) for offset in offsets):
            return first
    raise AssertionError(f"no free port of loopback among 200 of {ports.start} to {ports.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
