"""Makes HTTP clients (httpx2); one that cannot be made is a setting, and named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evergrant._fork import without_forks
from evergrant._masking import raise_without_context
from evergrant._network.http_deadline import observe_deadlines
from evergrant.errors import ConfigError

if TYPE_CHECKING:
    import httpx2

__all__ = ["open_client", "shows_sending"]

_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")


def open_client(**options: Any) -> httpx2.Client:
    """Return an ``httpx2.Client``; its own settings, and those of the environment, hold.

    Raises:
        ConfigError: It cannot be made, or its settings name what is not there.
    """
    # Imported when first needed: httpx2 takes longer to load than the rest of us together.
    import httpx2

    if options.get("trust_env", True) and (problem := _lost_certificates()):
        raise problem
    try:
        with without_forks():
            client = httpx2.Client(**options)
            observe_deadlines(client)
    except (OSError, ImportError, ValueError, TypeError, httpx2.InvalidURL) as error:
        problem = _problem(error, options)
        options.clear()  # a traceback may show locals: a proxy's address holds its password
        raise_without_context(problem)
    return client


def shows_sending(sent: list[bool]) -> dict[str, Any]:
    """Return extensions for a request that note whether any of it may have left.

    Args:
        sent: Gets an item at the moment when the body of the request goes out.
    """

    def trace(event: str, info: dict[str, Any]) -> None:
        # A proxy gets a CONNECT of its own first: that is not yet the request.
        if event.endswith("send_request_body.started") and info["request"].method != b"CONNECT":
            sent.append(True)

    return {"trace": trace}


def _lost_certificates() -> ConfigError | None:
    for name, is_there in (("SSL_CERT_FILE", Path.is_file), ("SSL_CERT_DIR", Path.is_dir)):
        if (path := os.environ.get(name)) and not _asked(is_there, path):
            return ConfigError(
                f"{name} names {path!r}, which is not there",
                hint=f"Correct {name}, or unset it; nothing was sent.",
            )
    return None


def _asked(is_there: Any, path: str) -> bool:
    try:
        return bool(is_there(Path(path)))
    except (OSError, ValueError):
        return False


def _problem(error: Exception, options: dict[str, Any]) -> ConfigError:
    import ssl

    if isinstance(error, OSError):  # of TLS: nothing is connected yet
        what = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        name = "SSLKEYLOGFILE" if error.filename == os.environ.get("SSLKEYLOGFILE", "") else ""
        names = (name,) if name else _set("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
        named = " or ".join(names) or "verify"
        hint = f"Correct {named}: a file of certificates in PEM form is wanted; nothing was sent."
        return ConfigError(f"TLS cannot be set up as {named} has it ({what})", hint=hint)
    named = "proxy" if options.get("proxy") else " or ".join(_set(*_PROXIES)) or "proxy"
    if isinstance(error, ImportError):
        return ConfigError(
            f"{named} names a SOCKS proxy, for which a package is missing",
            hint="Run: pip install 'httpx2[socks]', or name an http:// proxy; nothing was sent.",
        )
    return ConfigError(
        f"{named} does not name a proxy that can be used",
        hint=f"Set {named} to http://host:port, or unset it; nothing was sent.",
    )


def _set(*names: str) -> tuple[str, ...]:
    """Return those of the environment's names that are set, in upper or lower case."""
    both = (spelled for name in names for spelled in (name, name.lower()))
    return tuple(name for name in both if os.environ.get(name))
