"""Addresses of stores as they may be shown, logged and kept: without the secrets in them."""

import re

_HIDDEN = "***"
# Greedy up to the last @: a password that was not percent-encoded may hold one, or a slash. The
# addresses of files have no user, and may have an @ in a folder's name.
_USER = re.compile(r"(?P<scheme>\b(?!sqlite|file|models|runs)[A-Za-z][\w+.-]*:/{1,3})[^\s'\"]*@")
_BARE_USER = re.compile(r"(?<![\w/:])[^\s:/@'\"]+:(?!/)[^\s@'\"]+@(?=[\w.-]+[:/])")
_PARAMETER = re.compile(
    r"(?P<name>\b[\w-]*(?:password|passwd|passfile|secret|token)[\w-]*\s*=\s*)[^&\s'\"]+", re.I
)


def redacted(text: str) -> str:
    """Return `text`, an address or a message that quotes one, without users and passwords."""
    text = _USER.sub(rf"\g<scheme>{_HIDDEN}@", text)
    text = _BARE_USER.sub(f"{_HIDDEN}@", text)
    return _PARAMETER.sub(rf"\g<name>{_HIDDEN}", text)


def without_user(address: str) -> str:
    """Return an address that names a server whoever asks: no user, password or parameters."""
    return _USER.sub(r"\g<scheme>", address).partition("?")[0]
