"""Secrets of AWS Secrets Manager by their names, each write after a version.

The service has no conditional write. What there is instead: a version's id may be chosen, and no
other content can be stored under one that is taken. So each version's successor has an id that
follows from its own, and of two who write after the same version, one is refused.
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
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, place: AwsAddress, timeout: float) -> None:
        self._url = place.url
        self._base = f"{place.name}/{place.prefix}"
        self._service = AwsClient("secretsmanager", place, timeout)

    def time(self) -> datetime | None:
        """Return the service's time, to the second; None: it tells none."""
        return self._service.time()

    def get(self, name: str) -> StoredSecret | None:
        """Return what is stored, with its version; None: nothing is."""
        with suppress(ExpectedError):
            answer = self._service.call(
                "get_secret_value", MISSING, DOOMED, SecretId=f"{self._base}/{name}"
            )
            return StoredSecret(Secret(answer["SecretString"]), answer["VersionId"])
        return None

    def names(self) -> list[str]:
        """Return the names of all that is stored for rows.

        Raises:
            StoreUnavailable: They may not be listed.
        """
        begin: dict[str, str] = {}
        found: list[str] = []
        kinds = [f"{self._base}/token/", f"{self._base}/hashed/"]
        while True:
            named = [{"Key": "name", "Values": kinds}]
            page = self._service.call("list_secrets", Filters=named, **begin)
            found += [one["Name"] for one in page["SecretList"] if "DeletedDate" not in one]
            if "NextToken" not in page:
                # The filter does not mind case.
                ours = [name for name in found if name.startswith(tuple(kinds))]
                return [name.removeprefix(f"{self._base}/") for name in ours]
            begin = {"NextToken": page["NextToken"]}

    def get_all(self, names: list[str]) -> Iterator[tuple[str, Secret]]:
        """Yield the names and texts of those that are there.

        Raises:
            StoreUnavailable: One may not be read: it must not look as if it were not there.
        """
        for start in range(0, len(names), BATCH):
            whole = [f"{self._base}/{name}" for name in names[start : start + BATCH]]
            answer = self._service.call("batch_get_secret_value", SecretIdList=whole)
            if problems := {one["ErrorCode"] for one in answer.get("Errors", ())} - {MISSING}:
                raise StoreUnavailable(
                    f"{self._url} does not let all its secrets be read ({problems.pop()})",
                    hint="Give the role what docs/aws.md lists, and the key that encrypts them.",
                    retryable=False,
                )
            for found in answer["SecretValues"]:
                name = found["Name"].removeprefix(f"{self._base}/")
                yield name, Secret(found["SecretString"])

    def put(self, name: str, text: Secret, before: str | None) -> None:
        """Store text where there was this version, or nothing.

        Raises:
            Overtaken: Somebody else was faster.
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
            raise WriteConflict(f"somebody else changed the same secret in {self._url}")

    def delete(self, name: str) -> None:
        """Delete a secret at once, if it is there."""
        with suppress(ExpectedError):
            self._service.call(
                "delete_secret",
                MISSING,
                DOOMED,
                SecretId=f"{self._base}/{name}",
                ForceDeleteWithoutRecovery=True,
            )
