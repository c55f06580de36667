"""Who and what is registered: people, orgs, client apps."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Mapping
from itertools import count

from evergrant.sandbox.models import ORG_KINDS, Client, Org, User

__all__ = ["Directory"]

_FIRST_ZGID = 60_000_000_001
_FIRST_ZUID = 700_000_001


class Directory:
    """The sandbox's people, orgs and clients, by the names they are asked for.

    Args:
        data_centers: The codes of the data centers; the first is where people live whose
            data center that is not named.
    """

    def __init__(self, data_centers: Iterable[str]) -> None:
        self.data_centers = tuple(data_centers)
        self.users: dict[str, User] = {}
        self.orgs: dict[str, Org] = {}
        self.clients: dict[str, Client] = {}
        self._zgids = count(_FIRST_ZGID)
        self._zuids = count(_FIRST_ZUID)

    def continue_numbers(self) -> None:
        """Give what comes next other numbers than what is here already."""
        zgids = [int(zgid) + 1 for zgid in self.orgs if zgid.isdigit()]
        zuids = [int(user.zuid) + 1 for user in self.users.values() if user.zuid.isdigit()]
        self._zgids = count(max(zgids, default=_FIRST_ZGID))
        self._zuids = count(max(zuids, default=_FIRST_ZUID))

    def add_org(self, name: str, kind: str, data_center: str | None) -> Org:
        """Found an org.

        Raises:
            ValueError: There is no such kind or data center.
        """
        if kind not in ORG_KINDS:
            raise ValueError(f"kind {kind!r} is not one of {', '.join(ORG_KINDS)}")
        home = self._existing(data_center)
        org = Org(str(next(self._zgids)), name, kind, data_center=home)
        self.orgs[org.zgid] = org
        return org

    def add_user(
        self, email: str, data_center: str | None, org: Org | None, names: tuple[str, str]
    ) -> User:
        """Open an account, in ``org`` or else in the first production org of the data center.

        Raises:
            ValueError: The address is taken, or the org is in another data center.
        """
        if self._key(email) in self.users:
            raise ValueError(f"{email} has an account already")
        home = self._existing(data_center or (org.data_center if org else None))
        org = org or self._first_org(home)
        user = User(email, str(next(self._zuids)), *names, [], home)
        self.join(user, org)
        self.users[self._key(email)] = user
        return user

    def join(self, user: User, org: Org) -> None:
        """Make a user a member of one more org.

        Raises:
            ValueError: The org is in another data center.
        """
        if user.data_center != org.data_center:
            raise ValueError(f"{user.email} and org {org.name!r} are in different data centers")
        if org not in user.orgs:
            user.orgs.append(org)
            org.members.append(user)

    def add_client(
        self,
        redirect_uris: Iterable[str],
        secrets_by_dc: Mapping[str, str] | None,
        data_centers: Iterable[str] | None,
        client_id: str | None,
        client_secret: str | None,
    ) -> Client:
        """Register an app.

        Raises:
            ValueError: The id is taken.
        """
        client = Client(
            client_id or _client_id(),
            client_secret or secrets.token_hex(21),
            tuple(redirect_uris),
            dict(secrets_by_dc or {}),
            None if data_centers is None else tuple(data_centers),
        )
        if client.client_id in self.clients:
            raise ValueError(f"client {client.client_id} is registered already")
        self.clients[client.client_id] = client
        return client

    def user(self, email: str) -> User:
        """Return the user with this address.

        Raises:
            LookupError: There is none.
        """
        found = self.users.get(self._key(email))
        if found is None:
            raise LookupError(f"no user of the sandbox is called {email}")
        return found

    def owner_of(self, zgid: str, data_center: str) -> tuple[User, Org] | None:
        """Return an org of this data center with its first member, or None."""
        org = self.orgs.get(zgid)
        if org is None or org.data_center != data_center or not org.members:
            return None
        return org.members[0], org

    def _first_org(self, data_center: str) -> Org:
        for org in self.orgs.values():
            if org.data_center == data_center and org.kind == "production":
                return org
        return self.add_org(f"Org {data_center.upper()}", "production", data_center)

    def _existing(self, data_center: str | None) -> str:
        code = data_center or self.data_centers[0]
        if code not in self.data_centers:
            raise ValueError(f"data center {code!r} is not one of {', '.join(self.data_centers)}")
        return code

    @staticmethod
    def _key(email: str) -> str:
        return email.lower()


def _client_id() -> str:
    # The form of the samples at https://www.zoho.com/accounts/protocol/oauth/web-apps/.
    alphabet = string.ascii_uppercase + string.digits
    return "1000." + "".join(secrets.choice(alphabet) for _ in range(30))
