"""A client of one of Amazon's services, its URL, and what its errors mean for a token store."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from evergrant._fork import this_process, without_forks
from evergrant._logging.libraries import rate_limited_libraries
from evergrant._masking import raise_without_context
from evergrant._network.boto_deadline import limit_responses
from evergrant.errors import ConfigError, EvergrantError, MissingExtra, StoreError
from evergrant.stores.faults import Fault
from evergrant.stores.tables import DEFAULT_TABLE
from evergrant.stores.urls import SUPPORTED_URLS, hide_password, parse_query, parse_seconds

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
except ModuleNotFoundError:
    raise MissingExtra("a store in AWS", extra="aws") from None

__all__ = [
    "TIMEOUT_S",
    "AwsAddress",
    "AwsClient",
    "ExpectedError",
    "parse_url",
    "refuse_half_characters",
]

T = TypeVar("T")

TIMEOUT_S = 10.0
"""Default number of seconds to wait for a response."""

_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
_TEXTS = ("region", "endpoint_url", "prefix")
_NOISY = ("boto3", "botocore", "urllib3")
_MISSING = re.compile(r"not authorized to perform: ([a-z]+:[A-Za-z]+)", re.ASCII)
_CLOCKS_MESSAGE = re.compile(r"Signature (expired|not yet current)", re.ASCII)

_UNREACHABLE = Fault(
    "{store} cannot be reached ({code})", "Check region, endpoint and network.", retryable=True
)
_UNKNOWN = Fault("{store} cannot go on ({code})", retryable=True)
_CLOCKS = Fault(
    "{store} refuses {operation}: its clock and this host's differ ({code})",
    "Set the clock of this host (NTP).",
    retryable=True,
)
_RIGHTS = Fault(
    "{store} refuses {operation} ({code})",
    "Check the credentials, and give their role every action of docs/aws.md.",
)
_THROTTLED = Fault("{store} throttles requests ({code})", "Try again later.", retryable=True)
_FAULTS = {
    **dict.fromkeys(("RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"), _CLOCKS),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "UnrecognizedClientException",
        ),
        _RIGHTS,
    ),
    **dict.fromkeys(
        (
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        _THROTTLED,
    ),
    "ValidationException": Fault(
        "{store} does not take this: a value is too long or empty, or too many rows fit",
        kind=StoreError,
    ),
    "ResourceNotFoundException": Fault("{store} is not there", "See docs/aws.md for its template."),
}


class ExpectedError(Exception):
    """A service refused a call with an error code that the caller handles itself."""


class AwsAddress(NamedTuple):
    """The address of a store.

    Attributes:
        name: The part of the URL where a host would be.
        prefix: The prefix of all keys of the store.
        timeout: Seconds to wait for a response, or None if the caller decides.
    """

    url: str
    name: str
    prefix: str
    region: str | None
    endpoint: str | None
    timeout: float | None


def parse_url(url: str, name: str) -> AwsAddress:
    """Return the address in a URL.

    Args:
        name: Regular expression for the part where a host would be.

    Raises:
        ConfigError: The URL is malformed.
    """
    parts = urlsplit(str.__str__(url))
    host = unquote(parts.netloc)
    if "@" in parts.netloc:
        raise ConfigError(
            f"{hide_password(url)!r}: credentials do not belong in the URL",
            hint="Leave them to boto3: the environment, a profile, or a role.",
        )
    if not re.fullmatch(name, host, re.ASCII) or parts.path.strip("/") or parts.fragment:
        raise ConfigError(
            f"{hide_password(url)!r} is not the URL of a store in AWS", hint=SUPPORTED_URLS
        )
    known: dict[str, Callable[[str], Any]] = dict.fromkeys(
        ("region", "endpoint_url", "prefix"), str
    )
    given = parse_query(url, parts.query, known | {"timeout": parse_seconds})
    prefix = given.get("prefix", DEFAULT_TABLE)
    if not _PREFIX.fullmatch(prefix):
        raise ConfigError(
            f"{prefix!r} cannot be the prefix of a store",
            hint="Use up to 100 letters, digits and the signs _ . and -.",
        )
    told = [(key, given[key]) for key in _TEXTS if key in given]
    query = "&".join(f"{key}={value}" for key, value in told)
    shown = f"{parts.scheme}://{host}{f'?{query}' if query else ''}"
    endpoint = given.get("endpoint_url")
    return AwsAddress(shown, host, prefix, given.get("region"), endpoint, given.get("timeout"))


class AwsClient:
    """A client that raises our errors; a forked child makes its own.

    Args:
        name: boto3's name of the service.
        timeout: Seconds to wait for a response, in which throttled requests are tried again.

    Raises:
        ConfigError: No region is known.
    """

    def __init__(self, name: str, place: AwsAddress, timeout: float) -> None:
        self._name = name
        self._place = place
        self._timeout = timeout
        self._process = this_process()
        self._client: Any = None
        self._told = "", 0.0
        self._connect()

    def _connect(self) -> None:
        config = Config(
            connect_timeout=min(self._timeout, 5.0),
            read_timeout=self._timeout,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=32,
        )
        try:
            with without_forks():
                self._client = boto3.session.Session().client(
                    self._name,
                    region_name=self._place.region,
                    endpoint_url=self._place.endpoint,
                    config=config,
                )
            limit_responses(self._client, self._timeout)
        except NoRegionError:
            raise ConfigError(
                "no AWS region is set", hint="Add ?region=eu-central-1, or set AWS_REGION."
            ) from None
        except (BotoCoreError, ValueError) as error:
            raise ConfigError(
                f"{self._place.url} cannot be used: {type(error).__name__}",
                hint="Check region and endpoint_url.",
            ) from None
        self._process = this_process()

    def call(self, operation: str, *passed: str, **parameters: Any) -> Any:
        """Return the response of an operation, as boto3 names it.

        Args:
            passed: Codes of errors that the caller handles itself, as `ExpectedError`.

        Raises:
            ExpectedError: The service refused with one of these codes.
            StoreUnavailable: There is no usable response.
            ConfigError: There are no credentials.
        """
        if self._process != this_process():
            self._connect()  # connections cannot be shared with the parent
        try:
            # At lower levels, boto3 logs the requests, which have secrets in them.
            with rate_limited_libraries(*_NOISY, least=logging.INFO):
                answer = getattr(self._client, operation)(**parameters)
        except ClientError as error:
            code = _code_of(error)
            self._note_time(error.response)
            del parameters  # they hold a row
            raise_without_context(
                ExpectedError(code) if code in passed else self._translate_error(operation, error)
            )
        except NoCredentialsError:
            del parameters
            raise_without_context(
                ConfigError("no AWS credentials are found", hint="See docs/aws.md.")
            )
        except (BotoCoreError, OSError) as error:
            del parameters
            raise_without_context(_UNREACHABLE.error(self._place.url, type(error).__name__))
        self._note_time(answer)
        return answer

    def _note_time(self, answer: Mapping[str, Any]) -> None:
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if date := headers.get("date"):
            self._told = date, time.monotonic()

    def time(self) -> datetime | None:
        """Return the service's time to the second, by its latest response, or None if unknown."""
        date, at = self._told
        try:
            told = parsedate_to_datetime(date)
        except (ValueError, TypeError):
            return None
        return told + timedelta(seconds=time.monotonic() - at) if told.tzinfo else None

    def _translate_error(self, operation: str, error: ClientError) -> EvergrantError:
        url, code = self._place.url, _code_of(error)
        said = str(error.response.get("Error", {}).get("Message", ""))
        fault = _CLOCKS if _CLOCKS_MESSAGE.search(said) else _FAULTS.get(code, _UNKNOWN)
        if fault is _RIGHTS and (missing := _MISSING.search(said)):
            # One operation may need several actions; the service says which one is not allowed.
            code = f"this account may not {missing[1]}"
        return fault.error(url, code, operation=operation)


def refuse_half_characters(values: Iterable[str | int | None]) -> None:
    """Refuse text that none of Amazon's services accept.

    Raises:
        StoreError: A value contains half a character (a lone surrogate).
    """
    if any(map(_is_half, values)):
        del values  # a traceback may print local variables
        raise StoreError("the token has half a character in it, which cannot be stored")


def _is_half(value: object) -> bool:
    return isinstance(value, str) and any("\ud800" <= one <= "\udfff" for one in value)


def _code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "an error"))
