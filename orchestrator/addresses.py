"""Addresses of stores: which store one names whoever asks, and whether there is a password in it.

How addresses are shown, logged and kept is `redacted`'s, which workers need too.
"""

from urllib.parse import unquote

from workers.contract.redaction import BARE_USER, PARAMETER, USER
from workers.contract.redaction import redacted as redacted


def without_user(address: str) -> str:
    """Return an address that names a server whoever asks: no user, password or parameters."""
    return USER.sub(r"\g<scheme>", address).partition("?")[0]


def holds_password(address: str) -> bool:
    """Tell whether there is more than a user's name before the @, or a secret parameter."""
    found = USER.search(address)
    named = found is not None and ":" in found[0].removeprefix(found["scheme"]).rstrip("@")
    return named or bool(BARE_USER.search(address)) or bool(PARAMETER.search(unquote(address)))
