"""Every error that adapter_lib raises on purpose."""

_SHOWN = 200
"""Characters of something found that a message shows."""


def shortened(found: object) -> str:
    """Return what was found as a message shows it, cut where it is long."""
    text = str(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class AdapterLibError(Exception):
    """Root of this package's errors. A message says expected, found, where, and the next step."""


class ConfigurationError(AdapterLibError):
    """A configuration that cannot be built, such as both a size and a reduction factor."""


class UnsupportedArchitectureError(AdapterLibError):
    """A transformer that `adapter_lib.transformer.architectures` does not describe."""


class BatchError(AdapterLibError):
    """Tokens that a base model cannot read: wrong shapes, a row without any, too many of them."""


class BaseModelError(AdapterLibError):
    """A base model folder that cannot be loaded: no weights, no configuration, wrong checksum."""


class AdapterFileError(AdapterLibError):
    """An adapter on disk that is damaged, incomplete, of another format, or has left-over keys."""


class WrongBaseError(AdapterFileError):
    """An adapter that was trained over another base model than the one it is loaded onto."""


class UnsupportedSettingError(AdapterFileError):
    """A setting of another library's adapter that this one has not, or the other way round."""
