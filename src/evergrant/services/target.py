"""What a request is sent to: a service, and one of its orgs."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from evergrant.errors import ConfigError
from evergrant.services.catalog import SERVICES
from evergrant.services.service import Service

__all__ = ["CRM", "Target"]

CRM = SERVICES["crm"]
"""What requests go to where no service is named."""


@dataclass(frozen=True, slots=True)
class Target:
    """What requests are sent to.

    Attributes:
        org: The org that they are for, where the service takes one with each request.

    Raises:
        ConfigError: The service takes no org, or the text cannot be an org's id.
    """

    service: Service = CRM
    org: str | None = None

    def __post_init__(self) -> None:
        self.service.checked_org(self.org)

    def url_with_org(self, url: str) -> str:
        """Return a URL with the org in its query, if it belongs there.

        Raises:
            ConfigError: It names another org.
        """
        if self.org is None or self.service.org.travels != "query":
            return url
        parts, name = urlsplit(url), self.service.org.name
        query = parse_qsl(parts.query, keep_blank_values=True)
        named = [value for key, value in query if key == name]
        if not named:
            extra = urlencode({name: self.org})
            query_text = f"{parts.query}&{extra}" if parts.query else extra
            return urlunsplit(parts._replace(query=query_text))
        self._require_same(named)
        return url

    def add_org_header(self, headers: MutableMapping[str, str]) -> None:
        """Name the org in the headers, if it belongs there.

        Raises:
            ConfigError: They name another org.
        """
        if self.org is None or self.service.org.travels != "header":
            return
        name = self.service.org.name
        if name in headers:
            self._require_same([headers[name]])
        headers[name] = self.org

    def _require_same(self, named: list[str]) -> None:
        if named != [self.org]:
            raise ConfigError(
                f"the request names the org {', '.join(named)[:50]}, and its auth {self.org}; "
                "nothing was sent",
                hint="Leave the org out of the request, or make another auth.",
            )
