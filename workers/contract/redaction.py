"""What may be shown, logged and kept of texts that may hold secrets: all but these."""

import os
import re
from collections.abc import Iterator

_HIDDEN = "***"
# Greedy up to the last @: a password that was not percent-encoded may hold one, or a slash. The
# addresses of files have no user, and may have an @ in a folder's name.
USER = re.compile(
    r"(?P<scheme>\b(?!sqlite|file|models|runs)[A-Za-z][\w+.-]*:/{1,3}|\b(?:sqlite|file)://(?!/))"
    r"[^\s'\"]*@"
)
# A password with a space in it, in an address that is the whole text.
_USER_WITH_SPACE = re.compile(r"\A(?P<scheme>(?!sqlite|file)[A-Za-z][\w+.-]*://)[^\n/@]*:[^\n@]*@")
BARE_USER = re.compile(r"(?<![\w/:])[^\s:/@'\"]+:(?!/)[^\s@'\"]+@(?=[\w.-]+[:/])")
_SECRET = (
    r"passw(?:or)?d|passwd|passfile|passphrase|secret|credential|signature"
    r"|(?:access|api|account|private)[_-]?key"
)
_VALUE = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^&\s'\",;}\]]+)"
PARAMETER = re.compile(
    rf"(?P<name>\b(?:[\w-]*(?:{_SECRET}|token)[\w-]*|sig|pwd)['\"]?\s*=\s*){_VALUE}", re.I
)
# With a colon, as in JSON and YAML, `tokens: 128` is no secret.
_TOKEN = r"(?:auth|access|api|session|refresh|security|tracking)[_-]?token"
_FIELD = re.compile(
    rf"(?P<name>\b(?:[\w-]*(?:{_SECRET}|{_TOKEN})|token(?=['\"]))['\"]?\s*:\s*){_VALUE}", re.I
)
_ENCODED_PARAMETER = re.compile(r"(?P<name>[?&][\w-]*%[^=&\s]*=)[^&\s'\"]+")
_HEADER = re.compile(r"(?P<name>\bauthorization['\"]?\s*[=:]\s*['\"]?(?:\w+\s+)?)[^\s'\",;]+", re.I)
_SECRET_VARIABLE = re.compile(r"(?:PASSWORD|PASSWD|SECRET|TOKEN|_KEY|PASSPHRASE)\Z")
_SHORTEST_SECRET = 8
"""Characters of a secret that is looked for by its value: shorter ones are words as well."""


def redacted(text: str) -> str:
    """Return `text`, an address or a message that quotes one, without users and passwords.

    The values of secret environment variables, such as PGPASSWORD, are left out wherever they are.
    """
    for secret in _secrets_of_the_environment():
        text = text.replace(secret, _HIDDEN)
    text = _USER_WITH_SPACE.sub(rf"\g<scheme>{_HIDDEN}@", text)
    text = USER.sub(rf"\g<scheme>{_HIDDEN}@", text)
    text = BARE_USER.sub(f"{_HIDDEN}@", text)
    for pattern in (PARAMETER, _ENCODED_PARAMETER, _FIELD, _HEADER):
        text = pattern.sub(rf"\g<name>{_HIDDEN}", text)
    return text


def _secrets_of_the_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET_VARIABLE.search(name):
            yield value
