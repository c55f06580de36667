"""Secrets of AWS Secrets Manager by their names, with compare-and-swap.

The service has no conditional write. But a writer may choose the id of a version, and no other
content can be stored under an id that is taken. So the id of each version follows from the id of
the version before, and of two writers after the same version one is refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from evergrant.errors import StoreUnavailable
from evergrant.stores.aws.client import AwsAddress, AwsClient, ExpectedError
from evergrant.stores.aws.secretsmanager_format import StoredSecret, refuse_too_large
from evergrant.stores.optimistic import WriteConflict
from evergrant.token import Secret

__all__ = ["SecretClient"]

BATCH = 20
"""Secrets that the service returns at once."""

MISSING = "ResourceNotFoundException"
TAKEN = "ResourceExistsException"
DOOMED = "InvalidRequestException"  # it is being deleted

_VERSIONS = uuid.UUID("5f0c9c4e-2c55-4b0e-9a3e-6d2f6a1c7b11")


class SecretClient:
    """The secrets of one store.

    Args:
        timeout: Seconds to wait for a response.
    """

    def __init__(self, place: AwsAddress, timeout: float) -> None:
        self._url = place.url
        self._base = f"{place.name}/{place.prefix}"
        self._service = AwsClient("secretsmanager", place, timeout)

    def time(self) -> datetime | None:
        """Return the service's time to the second, or None if unknown."""
        return self._service.time()

    def get(self, name: str) -> StoredSecret | None:
        """Return a stored text with its version, or None if it does not exist."""
        with suppress(ExpectedError):
            answer = self._service.call(
                "get_secret_value", MISSING, DOOMED, SecretId=f"{self._base}/{name}"
            )
            return StoredSecret(Secret(answer["SecretString"]), answer["VersionId"])
        return None

    def names(self) -> list[str]:
        """Return the names of the secrets of all rows.

        Raises:
            StoreUnavailable: The account may not list them.
        """
        begin: dict[str, str] = {}
        found: list[str] = []
        kinds = [f"{self._base}/token/", f"{self._base}/hashed/"]
        while True:
            named = [{"Key": "name", "Values": kinds}]
            page = self._service.call("list_secrets", Filters=named, **begin)
            found += [one["Name"] for one in page["SecretList"] if "DeletedDate" not in one]
            if "NextToken" not in page:
                # The service's filter ignores case.
                ours = [name for name in found if name.startswith(tuple(kinds))]
                return [name.removeprefix(f"{self._base}/") for name in ours]
            begin = {"NextToken": page["NextToken"]}

    def get_all(self, names: list[str]) -> Iterator[tuple[str, Secret]]:
        """Yield the names and texts of the secrets that exist.

        Raises:
            StoreUnavailable: The account may not read one, which must not seem to be missing.
        """
        for start in range(0, len(names), BATCH):
            whole = [f"{self._base}/{name}" for name in names[start : start + BATCH]]
            answer = self._service.call("batch_get_secret_value", SecretIdList=whole)
            if problems := {one["ErrorCode"] for one in answer.get("Errors", ())} - {MISSING}:
                raise StoreUnavailable(
                    f"some secrets of {self._url} cannot be read ({problems.pop()})",
                    hint="Give the role what docs/aws.md lists, and the key that encrypts them.",
                    retryable=False,
                )
            for found in answer["SecretValues"]:
                name = found["Name"].removeprefix(f"{self._base}/")
                yield name, Secret(found["SecretString"])

    def put(self, name: str, text: Secret, before: str | None) -> None:
        """Store a text as the successor of a version, or as the first version.

        Raises:
            WriteConflict: Another writer was faster.
        """
        refuse_too_large(text, self._url)
        after = str(uuid.uuid5(_VERSIONS, before) if before else uuid.uuid4())
        secret = {"SecretString": text.reveal(), "ClientRequestToken": after}
        overtaken = False
        try:
            if before:
                where = {"SecretId": f"{self._base}/{name}"}
                self._service.call("put_secret_value", TAKEN, DOOMED, MISSING, **where, **secret)
            else:
                where = {"Name": f"{self._base}/{name}"}
                self._service.call("create_secret", TAKEN, DOOMED, **where, **secret)
        except ExpectedError:
            overtaken = True
        finally:
            del secret
        if overtaken:
            raise WriteConflict(f"another writer changed the same secret in {self._url}")

    def delete(self, name: str) -> None:
        """Delete a secret at once, if it exists."""
        with suppress(ExpectedError):
            self._service.call(
                "delete_secret",
                MISSING,
                DOOMED,
                SecretId=f"{self._base}/{name}",
                ForceDeleteWithoutRecovery=True,
            )
