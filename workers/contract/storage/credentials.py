"""How object storage is reached: settings and keys, from the environment or an AWS profile.

Nothing of it is ever taken from a URL, an option or a file of this project, and nothing is sent to
other nodes: each has its own environment.
"""

import os
from pathlib import Path
from typing import Any

from workers.errors import StorageError

_KEY = "AWS_ACCESS_KEY_ID"
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def connection_settings(scheme: str) -> dict[str, Any]:
    """Return what obstore does not read from the environment by itself.

    Raises:
        StorageError: there is an AWS profile, and nothing that can read it.
    """
    return _s3_settings() if scheme == "s3" else {}


def _s3_settings() -> dict[str, Any]:
    endpoint = next((os.environ[n] for n in _ENDPOINTS if os.environ.get(n)), None)
    settings: dict[str, Any] = {"config": {}}
    if endpoint is not None:
        settings["config"]["aws_endpoint"] = endpoint
        # Whoever names an address without TLS means it.
        settings["client_options"] = {"allow_http": endpoint.startswith("http://")}
    named = any(os.environ.get(name) for name in _REGIONS)
    if not os.environ.get(_KEY) and _has_profile():
        profile = settings["credential_provider"] = _profile()
        named = named or bool(profile.config)
    if not named:
        settings["config"]["aws_region"] = "us-east-1"
    return settings


def _has_profile() -> bool:
    files = (
        Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"),
        Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config"),
    )
    return bool(os.environ.get("AWS_PROFILE")) or any(p.expanduser().is_file() for p in files)


def _profile() -> Any:
    """Return what gives obstore the keys of the user's profile, renewed when they lapse."""
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        raise StorageError(
            "found an AWS profile, and not the package boto3, which reads it: pip install "
            f"'adaptersweep[cluster]', or give {_KEY} and AWS_SECRET_ACCESS_KEY"
        ) from error
    try:
        return Boto3CredentialProvider()
    except Exception as error:  # boto3's own classes have no common root
        raise StorageError(
            f"the AWS profile gives no keys: {error}; correct AWS_PROFILE or ~/.aws, or give "
            f"{_KEY} and AWS_SECRET_ACCESS_KEY"
        ) from error
