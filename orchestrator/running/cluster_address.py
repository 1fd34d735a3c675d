"""Addresses of Ray clusters, checked without Ray, which takes seconds to import."""

import os
import re
import socket

from orchestrator.errors import SchedulingError

CONNECT_LIMIT_S = 10.0

_ADDRESS = re.compile(r"(?P<host>[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_ADDRESS_WORDS = "give `auto`, or HOST:PORT of its head node, such as 10.0.0.1:6379"


def listen_on_loopback() -> None:
    """Let a cluster that this process is about to start listen on loopback alone.

    Ray reads this when it is imported, and listens on every interface without it. A cluster of
    several machines cannot be reached then, so it is for no other.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


def check_address(address: str | None) -> None:
    """Refuse an address that is none, or that nothing listens on.

    Ray itself raises many kinds of errors for the first, and tries the second for many minutes.

    Raises:
        SchedulingError: what an address looks like, or why this one is not reached.
    """
    if not address or address in ("auto", "local"):
        return
    found = _ADDRESS.fullmatch(address)
    if address.startswith("ray://"):
        raise SchedulingError(
            f"expected the cluster's own address, found {address} of Ray Client, through which no "
            f"sweep can be run; {_ADDRESS_WORDS}, from a machine of the cluster"
        )
    if found is None or not 0 < int(found["port"]) < 2**16:
        raise SchedulingError(
            f"expected the address of a Ray cluster, found {address!r}; {_ADDRESS_WORDS}, or leave "
            "--address out to start one on this machine"
        )
    host = found["host"].strip("[]")
    try:
        socket.create_connection((host, int(found["port"])), timeout=CONNECT_LIMIT_S).close()
    except (OSError, UnicodeError) as error:  # the second for names that no host can have
        raise SchedulingError(
            f"cannot reach a Ray cluster at {address}: {error}; check the address with "
            "`ray status`, or leave --address out to start one on this machine"
        ) from error
