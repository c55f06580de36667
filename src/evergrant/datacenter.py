"""Zoho's data centers: the allow-list of hosts that secrets may be sent to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from evergrant.errors import ConfigError, UntrustedServer

__all__ = ["ZOHO", "DataCenter", "DataCenters"]

_AUTHORITY = re.compile(
    r"([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)
_DISPLAYABLE = re.compile(r"[a-z]{1,10}://[^?#]{1,100}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DataCenter:
    """One of Zoho's data centers, or a local stand-in for one.

    Attributes:
        code: Zoho's short name for it, the ``location`` of a redirect: ``us``, ``eu``, …
        accounts_url: Base URL of its accounts server.
        api_url: Base URL of its API for production orgs.
        sandbox_url: The same for sandbox orgs, or None if Zoho names none.
        developer_url: The same for developer orgs, or None if Zoho names none.
        upload_url: Base URL for file uploads, or None if Zoho names none.
        product_host: Base URL of a product with a host of its own, with ``{product}`` in it, or
            None if a stand-in has no such hosts.
        domains: The registrable domains that are Zoho's own in this data center.
        is_fixed: The program set ``api_url``, so it holds whatever API a response names.
    """

    code: str
    accounts_url: str
    api_url: str
    sandbox_url: str | None = None
    developer_url: str | None = None
    upload_url: str | None = None
    domains: tuple[str, ...] = ()
    product_host: str | None = None
    is_fixed: bool = False

    @classmethod
    def custom(
        cls,
        accounts_url: str,
        api_url: str,
        *,
        code: str = "custom",
        sandbox_url: str | None = None,
        developer_url: str | None = None,
        product_host: str | None = None,
    ) -> DataCenter:
        """Return a stand-in, such as the sandbox's; plain http is accepted on loopback only.

        Args:
            product_host: Such as ``http://127.0.0.1:8790/hosts/{product}``.

        Raises:
            ConfigError: A URL is not an origin, or is plain http to another machine.
        """
        urls = (accounts_url, api_url, sandbox_url, developer_url)
        for url in (accounts_url, api_url, *filter(None, urls[2:])):
            _check_origin(url)
        if product_host:
            _check_product_host(product_host)
        return cls(
            code,
            origin_of(accounts_url) or "",
            origin_of(api_url) or "",
            sandbox_url=origin_of(sandbox_url),
            developer_url=origin_of(developer_url),
            product_host=product_host,
        )

    def product_url(self, product: str) -> str:
        """Return the base URL of a product with a host of its own, such as ``desk``.

        Raises:
            ConfigError: This stand-in has no such hosts.
        """
        if self.product_host is None:
            raise ConfigError(
                f"the data center {self.code!r} stands in for Zoho and has no host for {product!r}",
                hint="Give product_host to DataCenter.custom, or use Zoho's own data centers.",
            )
        return self.product_host.replace("{product}", product)

    @property
    def api_urls(self) -> tuple[str, ...]:
        """The base URLs that Zoho may name as a token's ``api_domain`` in this data center."""
        return tuple(url for url in (self.api_url, self.sandbox_url, self.developer_url) if url)

    def serves(self, url: str) -> bool:
        """Return True if a request to this URL stays within this data center."""
        origin = origin_of(url)
        if origin is None:
            return False
        if origin in {origin_of(u) for u in (*self.api_urls, self.accounts_url, self.upload_url)}:
            return True
        scheme, _, host = origin.partition("://")
        return scheme == "https" and any(host.endswith(f".{domain}") for domain in self.domains)


def _check_origin(url: str) -> None:
    if not _is_bare(url):
        raise ConfigError(f"{url!r} is not the address of a server (https://host[:port])")
    parts = urlsplit(url)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise ConfigError(f"{url!r} would send secrets unencrypted", hint="Use https.")


def _check_product_host(template: str) -> None:
    if "{product}" not in template:
        raise ConfigError(f"{template!r} has no {{product}} in it")
    parts = urlsplit(template.replace("{product}", "product"))
    _check_origin(f"{parts.scheme}://{parts.netloc}")


def is_local(url: str) -> bool:
    """Return True if a URL is plain http on the loopback interface, as a sandbox's is."""
    origin = origin_of(url) or ""
    return origin.startswith("http://") and _is_loopback(urlsplit(origin).hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def origin_of(url: str | None) -> str | None:
    """Return ``scheme://host[:port]`` in lower case, or None if ``url`` is not plain enough.

    Attackers use user info, escapes, control characters, backslashes and non-ASCII letters to
    make a host look like another (``https://www.zohoapis.com@evil.example``). A URL with any of
    them has no origin.
    """
    if not url or " " in url or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not _AUTHORITY.fullmatch(parts.netloc):
        return None
    hostname = parts.hostname or ""
    default = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{hostname}]" if ":" in hostname else hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, default) else "")


class DataCenters:
    """An allow-list of data centers: finds the data center of a host, and refuses unknown hosts.

    Args:
        members: The data centers. A login starts at the first, unless another is named.
    """

    def __init__(self, *members: DataCenter) -> None:
        self._by_code = {member.code: member for member in members}
        self._by_accounts = {origin_of(member.accounts_url): member for member in members}
        self._by_api = {origin_of(url): member for member in members for url in member.api_urls}

    @property
    def codes(self) -> tuple[str, ...]:
        """The short names, in the given order."""
        return tuple(self._by_code)

    def by_code(self, code: str) -> DataCenter:
        """Return the data center with this short name.

        Raises:
            ConfigError: There is no such data center.
        """
        found = self._by_code.get(code.lower())
        if found is None:
            raise ConfigError(
                f"no data center {code!r}", hint=f"Use one of: {', '.join(self.codes)}."
            )
        return found

    def by_accounts_url(self, url: str) -> DataCenter:
        """Return the data center with this accounts server.

        Raises:
            UntrustedServer: The URL is not one of these data centers.
        """
        return _find_trusted(url, self._by_accounts, "an accounts server")

    def by_api_domain(self, url: str) -> DataCenter:
        """Return the data center with this API host (production, sandbox or developer).

        Raises:
            UntrustedServer: The URL is not one of these data centers.
        """
        return _find_trusted(url, self._by_api, "an API server")

    def by_name(self, name: str) -> DataCenter:
        """Return the data center that a person's word means: ``eu``, ``US``, ``com.au``, a host.

        Args:
            name: A code, the end of its domains, or the host or address of one of its servers.

        Raises:
            ConfigError: It means none of them.
        """
        word = name.strip().lower().removeprefix(".")
        code = _CODE_OF_DOMAIN.get(word, word)
        if code in self._by_code:
            return self._by_code[code]
        origin = origin_of(word if "://" in word else f"https://{word}")
        # A stand-in for a data center goes by the addresses of the one that it stands in for.
        for member in self._by_code.values():
            own = (member, ZOHO._by_code.get(member.code, member))
            if origin and any(one.serves(origin) or word in one.domains for one in own):
                return member
        raise ConfigError(
            f"{name[:60]!r} is no data center of Zoho", hint=f"Use one of: {', '.join(self.codes)}."
        )

    def has_api(self, where: DataCenter, claimed: object) -> bool:
        """Return True if the API host that a response claims belongs to this data center."""
        if not isinstance(claimed, str) or not _is_bare(claimed):
            return False
        found = self._by_api.get(origin_of(claimed))
        return found is not None and found.code == where.code


def _find_trusted(url: str, known: Mapping[str | None, DataCenter], what: str) -> DataCenter:
    found = known.get(origin_of(url)) if _is_bare(url) else None
    if found is None:
        raise UntrustedServer(f"{display_origin(url)} is not {what} of Zoho")
    return found


def display_origin(url: object) -> str:
    """Return the part of a claimed URL that may be shown: up to its query, or nothing if no URL.

    A text in place of a URL may be a misplaced secret.
    """
    found = _DISPLAYABLE.match(url) if isinstance(url, str) else None
    return repr(found[0]) if found else "something that is not a URL"


def _is_bare(url: str) -> bool:
    return origin_of(url) is not None and urlsplit(url)[2:] in (("", "", ""), ("/", "", ""))


def _zoho(code: str, tld: str, **other: str | None) -> DataCenter:
    api = f"zohoapis.{tld}"
    known = {
        "accounts_url": f"https://accounts.zoho.{tld}",
        "api_url": f"https://www.{api}",
        "sandbox_url": f"https://sandbox.{api}",
        "developer_url": f"https://developer.{api}",
        "upload_url": f"https://content.{api}",
    }
    return DataCenter(
        code,
        **{**known, **other},  # type: ignore[arg-type]
        domains=(f"zoho.{tld}", api),
        product_host=f"https://{{product}}.zoho.{tld}",
    )


_CODE_OF_DOMAIN = {"com": "us", "com.au": "au", "com.cn": "cn"}
"""Ends of domains that are not the data center's code."""

_UNNAMED = {"sandbox_url": None, "developer_url": None, "upload_url": None}

ZOHO = DataCenters(
    _zoho("us", "com"),
    _zoho("eu", "eu"),
    _zoho("in", "in"),
    _zoho("au", "com.au"),
    _zoho("cn", "com.cn"),
    _zoho("jp", "jp"),
    # Canada's accounts server has another domain than its API.
    DataCenter(
        "ca",
        "https://accounts.zohocloud.ca",
        "https://www.zohoapis.ca",
        "https://sandbox.zohoapis.ca",
        "https://developer.zohoapis.ca",
        "https://upload.zohocloud.ca",
        ("zohocloud.ca", "zohoapis.ca"),
        "https://{product}.zohocloud.ca",
    ),
    _zoho("sa", "sa", upload_url="https://files.zoho.sa"),
    _zoho("uk", "uk", **_UNNAMED),
    _zoho("ae", "ae", **_UNNAMED),
)
"""Zoho's data centers, from https://www.zoho.com/accounts/protocol/oauth/multi-dc.html,
https://www.bigin.com/developer/docs/apis/multi-dc.html and the official SDK's tables."""
