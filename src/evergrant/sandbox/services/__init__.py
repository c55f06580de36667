"""The resource servers of Zoho's other services: who comes in, and what is refused in which words.

Not their whole APIs: orgs, the request that shows whether a token works, and one or two lists.
This table is the sandbox's own; the client's (`evergrant.services`) is tested against it.
"""

from collections.abc import Iterable

from evergrant.sandbox.services.catalog import SERVERS
from evergrant.sandbox.services.resource_server import add_list, handle, require_list

__all__ = [
    "SERVICE_NAMES",
    "add_list",
    "handle",
    "known_services",
    "require_list",
    "require_other_service",
]

SERVICE_NAMES = ("crm", *(server.name for server in SERVERS))
"""What the sandbox serves."""


def known_services(names: Iterable[str]) -> frozenset[str]:
    """Return names of services.

    Raises:
        ValueError: The sandbox does not have one of them.
    """
    wanted = frozenset(names)
    if unknown := sorted(wanted.difference(SERVICE_NAMES)):
        raise ValueError(f"no service {unknown[0][:50]!r}: use one of {', '.join(SERVICE_NAMES)}")
    return wanted


def require_other_service(name: str) -> None:
    """Return if the sandbox has this service, and it is not the CRM.

    Raises:
        ValueError: It has not, or it is.
    """
    if name == "crm":
        raise ValueError("this is for the other services: for the CRM, see CrmSettings")
    known_services([name])
