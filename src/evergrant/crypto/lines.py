"""Keys as lines of text: a key itself, or one that AWS KMS has wrapped."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator
from functools import cache
from typing import Any

from evergrant.crypto.keys import Key
from evergrant.errors import ConfigError, MissingExtra
from evergrant.token import Secret

__all__ = ["WRAPPED", "keys_in", "wrapped_key"]

WRAPPED = "aws-kms:"
"""How the line of a wrapped key begins; its region and the base64 of its blob follow."""

CONTEXT = {"evergrant": "key"}
"""KMS unwraps only for who names it: an encryption context, for policies and its log."""

PATIENCE = 10.0
"""Seconds that an answer of KMS may take, as a whole."""


def keys_in(text: Secret, where: str) -> Iterator[Key]:
    """Yield the keys of a text, one a line, the newest first.

    Args:
        where: Names the source in errors.

    Raises:
        ConfigError: There is none, or a line is no key, or KMS does not unwrap one.
        MissingExtra: One is wrapped, and boto3 is not installed.
    """
    lines = [Secret(line) for line in text.reveal().split()]
    if not lines:
        raise ConfigError(f"{where} is empty", hint="Write one key a line.")
    for number, line in enumerate(lines, 1):
        yield _key(line, where if len(lines) == 1 else f"{where}, line {number}")


def _key(line: Secret, where: str) -> Key:
    try:
        return Key(_unwrapped(line) if line.startswith(WRAPPED) else line)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from None


@cache  # a process asks KMS once for each
def _unwrapped(line: Secret) -> Secret:
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
    """Return the line of a new key that only this key of AWS KMS unwraps; it is no secret.

    Raises:
        ConfigError: KMS does not make one.
        MissingExtra: boto3 is not installed.
    """
    ask = {"KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": CONTEXT}
    answer = _ask(region, "generate_data_key_without_plaintext", **ask)
    return f"{WRAPPED}{region}:{b64encode(answer['CiphertextBlob']).decode()}"


def _ask(region: str, operation: str, **parameters: Any) -> Any:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        from evergrant.boto_deadlines import limit_answers
    except ModuleNotFoundError:
        raise MissingExtra("a key in AWS KMS", extra="aws") from None
    try:
        client = boto3.client("kms", region_name=region)
        limit_answers(client, PATIENCE)
        return getattr(client, operation)(**parameters)
    except ClientError as error:
        why = error.response.get("Error", {}).get("Code", "an error")
    except (BotoCoreError, ValueError) as error:
        why = type(error).__name__
    raise ConfigError(
        f"AWS KMS in {region} did not answer {operation}: {why}",
        hint="Check region, credentials and the key's policy (docs/encryption.md), and try again.",
    )
