"""Keys as lines of text: a plain key, or a key that is wrapped by AWS KMS."""

from __future__ import annotations

import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from evergrant._crypto.keys import Key
from evergrant._fork import without_forks
from evergrant._logging.libraries import rate_limited_libraries
from evergrant.errors import ConfigError, MissingExtra, StoreUnavailable
from evergrant.token import Secret

__all__ = ["WRAPPED", "parse_keys", "wrapped_key"]

WRAPPED = "aws-kms:"
"""Prefix of the line of a wrapped key; the region and the base64 of its blob follow."""

CONTEXT = {"evergrant": "key"}
"""Encryption context, without which KMS does not unwrap; for policies and the log of KMS."""

KMS_TIMEOUT_S = 5.0
"""Seconds that a response of KMS may take in all; and the same to connect."""

ATTEMPTS = 2
"""Most requests to KMS if no usable response comes."""

_PASSING = re.compile("Throttl|Limit|Internal|Dependency|Unavailable|Time(d)?out")
"""Parts of the codes of temporary errors."""


def parse_keys(text: Secret, where: str) -> Iterator[Key]:
    """Yield the keys in a text, one per line, the newest first.

    Args:
        where: Names the source in errors.

    Raises:
        ConfigError: There is no key, a line is no key, or KMS refuses to unwrap one.
        StoreUnavailable: KMS cannot be reached, or has a temporary error.
        MissingExtra: A key is wrapped, and boto3 is not installed.
    """
    lines = [Secret(line) for line in text.reveal().split()]
    if not lines:
        raise ConfigError(f"{where} is empty", hint="Write one key per line.")
    for number, line in enumerate(lines, 1):
        yield _key(line, where if len(lines) == 1 else f"{where}, line {number}")


def _key(line: Secret, where: str) -> Key:
    try:
        return Key(_unwrap(line) if line.startswith(WRAPPED) else line)
    except (ConfigError, StoreUnavailable) as error:
        raise type(error)(f"{where}: {error.message}", hint=error.hint) from None


@cache  # a process asks KMS once for each key
def _unwrap(line: Secret) -> Secret:
    _, region, blob = [*line.reveal().split(":"), "", ""][:3]
    try:
        content = b64decode(blob, validate=True)
    except ValueError:
        content = b""
    if not content or not region:
        raise ConfigError("a wrapped key is written aws-kms:<region>:<base64 of its blob>")
    answer = _ask(region, "decrypt", CiphertextBlob=content, EncryptionContext=CONTEXT)
    return Secret(b64encode(answer["Plaintext"]).decode())


def wrapped_key(key_id: str, region: str) -> str:
    """Return the line of a new key, wrapped by this key of AWS KMS; the line is no secret.

    Raises:
        ConfigError: KMS refuses to make a key.
        StoreUnavailable: KMS cannot be reached, or has a temporary error.
        MissingExtra: boto3 is not installed.
    """
    ask = {"KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": CONTEXT}
    answer = _ask(region, "generate_data_key_without_plaintext", **ask)
    return f"{WRAPPED}{region}:{b64encode(answer['CiphertextBlob']).decode()}"


def _ask(region: str, operation: str, **parameters: Any) -> Any:
    try:
        import boto3
        from botocore import exceptions
        from botocore.config import Config

        from evergrant._network.boto_deadline import limit_responses
    except ModuleNotFoundError:
        raise MissingExtra("a key in AWS KMS", extra="aws") from None
    config = Config(
        connect_timeout=KMS_TIMEOUT_S,
        read_timeout=KMS_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    passing = (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        exceptions.MetadataRetrievalError,
        OSError,
    )
    try:
        with without_forks():
            client = boto3.client("kms", region_name=region, config=config)
        limit_responses(client, KMS_TIMEOUT_S)
        with rate_limited_libraries("boto", "urllib3", least=logging.INFO):
            return getattr(client, operation)(**parameters)
    except exceptions.ClientError as error:
        why = str(error.response.get("Error", {}).get("Code", "an error"))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        passes = status >= HTTPStatus.INTERNAL_SERVER_ERROR or bool(_PASSING.search(why))
    except (exceptions.BotoCoreError, ValueError, OSError) as error:
        why, passes = type(error).__name__, isinstance(error, passing)
    what = f"AWS KMS in {region} did not answer {operation}: {why}"
    if passes:
        raise StoreUnavailable(what, hint="Try again in a moment; else check region and network.")
    raise ConfigError(
        what, hint="Check region, credentials and the key's policy (docs/encryption.md)."
    )
