"""The resource servers of Zoho's other services: who comes in, and what is refused in which words.

Not their whole APIs: orgs, the request that shows whether a token works, and one or two lists.
This table is the sandbox's own; the client's (`evergrant.services`) is tested against it.
"""

from evergrant.sandbox.services.catalog import SERVERS
from evergrant.sandbox.services.resource_server import handle, require_list

__all__ = ["SERVICE_NAMES", "handle", "require_list"]

SERVICE_NAMES = frozenset({"crm", *(server.name for server in SERVERS)})
"""What the sandbox serves."""
