"""The sandbox itself: a local Zoho that tests and demonstrations can start, ask and disturb."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from evergrant.datacenter import DataCenter, DataCenters
from evergrant.sandbox import saved_state, services
from evergrant.sandbox.accounts.consent_tickets import Tickets
from evergrant.sandbox.accounts.grants import Grants
from evergrant.sandbox.accounts.self_client import issue_code
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.consent_client import consent
from evergrant.sandbox.crm import seeding
from evergrant.sandbox.crm.fields import Field
from evergrant.sandbox.crm.modules import Module
from evergrant.sandbox.crm.schema import Declared
from evergrant.sandbox.defaults import DEFAULT_SCOPES, REDIRECT_URIS
from evergrant.sandbox.hosts import Hosts
from evergrant.sandbox.messages import Request, Response
from evergrant.sandbox.models import Client, Org, User
from evergrant.sandbox.registry import Directory
from evergrant.sandbox.request_context import SandboxState
from evergrant.sandbox.request_handler import RequestHandler
from evergrant.sandbox.services import known_services
from evergrant.sandbox.settings import Settings

__all__ = ["DEFAULT_SCOPES", "Sandbox"]


class AnyCall(Protocol):
    """A request as any HTTP library may hold it."""

    @property
    def method(self) -> str:
        """GET, POST, …, in either case."""

    @property
    def url(self) -> str:
        """The full address."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in either case."""

    @property
    def body(self) -> bytes:
        """The body, which may be empty."""


class Sandbox:
    """A faithful local Zoho: accounts servers, consent pages and a slice of CRM v8.

    It also serves a little of 26 more services: their orgs, and a list or two of each.

    A context manager; or call `start` and `stop`. It lives on loopback ports, in memory, with a
    clock of its own; nothing leaves the machine. alice@example.com and bob@example.com are in
    one org of the first data center, carol@example.eu in the second; `client` is an app that may
    ask them. Safe to share between threads.

    Args:
        data_centers: Their codes; the first is where logins begin.
        settings: Zoho's limits and habits.
        port: The first data center's main port; the other addresses get the ports after it.
            0: free ports.
        clock: Time, if not a new `SandboxClock`.
        strict: Overrules `Settings.strict`: refuse what the sandbox does not have, or go on.
        modules: For `add_module`, by name: ``{"Students": {"Grade": "integer"}}``.

    Raises:
        ValueError: A declared module or field cannot be.

    Attributes:
        clock: The sandbox's time.
        faults: What is to go wrong.
        calls: What was asked so far.
    """

    def __init__(
        self,
        *,
        data_centers: Iterable[str] = ("us", "eu"),
        settings: Settings | None = None,
        port: int = 0,
        clock: SandboxClock | None = None,
        strict: bool | None = None,
        modules: Mapping[str, Mapping[str, Declared] | Iterable[str | Field]] | None = None,
    ) -> None:
        given = settings or Settings()
        self.settings = given if strict is None else replace(given, strict=strict)
        directory = Directory(data_centers)
        client = directory.add_client(REDIRECT_URIS, None, None, None, None)
        state = SandboxState(self.settings, directory, Grants(self.settings), Tickets(), client)
        self.clock = clock or SandboxClock(frozen=self.settings.frozen_clock)
        self._state = state
        self._handler = RequestHandler(state, self.clock)
        self._lock, self.faults = self._handler.lock, self._handler.faults
        self.calls = self._handler.calls
        self._hosts = Hosts(self._handler.answer, port)
        for name, fields in (modules or {}).items():
            self.add_module(name, fields)
        first, *others = self._state.directory.data_centers
        self.add_user("alice@example.com", data_center=first, first_name="Alice", last_name="Ames")
        self.add_user("bob@example.com", data_center=first, first_name="Bob", last_name="Berg")
        if others:
            self.add_user("carol@example.eu", data_center=others[0], first_name="Carol")

    @property
    def client(self) -> Client:
        """An app that is registered in every data center."""
        return self._state.client

    @client.setter
    def client(self, client: Client) -> None:
        self._state.client = client

    def start(self) -> Self:
        """Open the ports and serve.

        Raises:
            RuntimeError: It runs already.
            OSError: A port is taken.
        """
        self._handler.stopping.clear()
        self._state.data_centers = self._hosts.open(self._state.directory.data_centers)
        return self

    def stop(self) -> None:
        """Close ports and connections; does nothing if it does not run."""
        self._handler.stopping.set()
        self._hosts.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The first data center's address: accounts and production API."""
        return self.data_center(self._state.directory.data_centers[0]).accounts_url

    @property
    def data_centers(self) -> DataCenters:
        """The allow-list of this sandbox's data centers."""
        return DataCenters(*self._state.data_centers.values())

    def data_center(self, code: str) -> DataCenter:
        """Return one of them.

        Raises:
            LookupError: There is no such one, or the sandbox was never started.
        """
        home = self._state.data_centers.get(code)
        if home is None:
            raise LookupError(f"no data center {code!r} is running")
        return home

    def send(self, call: AnyCall) -> Response:
        """Answer a request without a connection; the answer's header names are in lower case.

        Raises:
            ConnectionError: The address is not the sandbox's, or a fault cut the connection.
        """
        url = urlsplit(call.url)
        host = self._hosts.at(url.netloc)
        headers = {name.lower(): value for name, value in call.headers.items()}
        request = Request(call.method.upper(), url.path, url.query, headers, call.body)
        answer = self._handler.answer(host, request)
        lowered = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, lowered, answer.body)

    def add_client(
        self,
        *,
        redirect_uris: Iterable[str] = (),
        secrets: Mapping[str, str] | None = None,
        data_centers: Iterable[str] | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
    ) -> Client:
        """Register an app, as in the API console; what is not given is made up.

        Args:
            redirect_uris: Where codes may be sent; none for a self client.
            secrets: Data center code to secret, where it has its own.
            data_centers: Where multi-DC is switched on; None: everywhere.

        Raises:
            ValueError: The id is taken.
        """
        with self._lock:
            return self._state.directory.add_client(
                redirect_uris, secrets, data_centers, client_id, client_secret
            )

    def add_org(
        self, name: str, kind: str = "production", *, data_center: str | None = None
    ) -> Org:
        """Found an org: production, sandbox or developer; in the first data center by default.

        Raises:
            ValueError: There is no such kind or data center.
        """
        with self._lock:
            return self._state.directory.add_org(name, kind, data_center)

    def add_user(
        self,
        email: str,
        *,
        data_center: str | None = None,
        org: Org | None = None,
        first_name: str = "",
        last_name: str = "",
        services: Iterable[str] | None = None,
    ) -> User:
        """Open an account, in ``org`` or else in the first production org of the data center.

        Args:
            services: The services that the person has an account in, such as ``("desk",)``; by
                default all.

        Raises:
            ValueError: The address is taken, the org is in another data center, or the sandbox has
                no such service.
        """
        limited = None if services is None else known_services(services)
        names = first_name or email.partition("@")[0].title(), last_name or "Example"
        with self._lock:
            user = self._state.directory.add_user(email, data_center, org, names)
            user.services = limited
            return user

    def add_module(
        self,
        api_name: str,
        fields: Mapping[str, Declared] | Iterable[str | Field] = (),
        *,
        singular: str | None = None,
    ) -> Module:
        """Declare a module of every org, with a mandatory ``Name``; or more fields of one.

        Args:
            fields: API name to type, or to what `add_field` takes; names alone are text fields.

        Raises:
            ValueError: A name, a type or a lookup is none.
        """
        with self._lock:
            return self._state.schema.add_module(api_name, fields, singular=singular)

    def add_field(self, module: str, api_name: str, data_type: str = "text", **more: Any) -> Field:
        """Declare a field of a module: `Schema.add_field` has the types and what there is more.

        Raises:
            ValueError: There is no such module or type, or a lookup points nowhere.
        """
        with self._lock:
            return self._state.schema.declare(module, api_name, {"data_type": data_type, **more})

    def add_list(
        self, service: str, path: str, scope: str, *, key: str | None = None, name: str = ""
    ) -> None:
        """Serve one more list: ``add_list("desk", "/articles", "Desk.articles.READ")``.

        Args:
            path: Below the service's base URL; ``{org}`` stands for an org's id, and another name
                in braces for any folder.
            scope: What it takes.
            key: Where the records stand in the answer: keys with dots between, "" for the answer;
                by default where the service's other list has them.
            name: What `add_records` names it by; by default the last part of the path.

        Raises:
            ValueError: The sandbox has no such service, or the path or the scope cannot be one.
        """
        with self._lock:
            services.add_list(self._state, service, path, scope, key, name)

    def add_records(self, service: str, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Add to what a service lists: ``add_records("desk", "tickets", [{"id": "1"}])``.

        Args:
            service: ``crm``, too: every production org gets the records then, and modules and
                fields that there are not are declared.
            name: The last part of the address that lists them; of the CRM, a module.

        Raises:
            ValueError: The sandbox has no such service or list, or the CRM refuses a record.
        """
        with self._lock:
            state = self._state
            if service == "crm":
                orgs = [one for one in state.directory.orgs.values() if one.kind == "production"]
                now = self.clock.now()
                seeding.add_records(orgs, name, list(records), schema=state.schema, now=now)
                return
            services.require_list(state, service, name)
            self._state.records.setdefault((service, name), []).extend(map(dict, records))

    def dump_state(self) -> str:
        """Return people, orgs, records, clients, grants and tokens as JSON, for `restore_state`.

        It has the secrets of the sandbox in it.
        """
        with self._lock:
            return json.dumps(
                {**saved_state.dump(self._state), "clock_ahead_s": self.clock.ahead_s}
            )

    def restore_state(self, text: str) -> None:
        """Go on with a state that `dump_state` returned; what is there now is dropped.

        Raises:
            ValueError: It is no such state, or has a data center that this sandbox does not run.
        """
        with self._lock:
            ahead = saved_state.restore(self._state, text)
            self.clock.advance(seconds=ahead - self.clock.ahead_s)

    def deny_role(self, email: str, service: str) -> None:
        """Let a user's role forbid all that a service has, as an administrator may.

        For the CRM, see `CrmSettings.no_api_access`.

        Raises:
            LookupError: There is no such user.
            ValueError: The sandbox has no such service, or it is the CRM.
        """
        services.require_other_service(service)
        user = self.user(email)
        with self._lock:
            self._state.denied.add((user.email, service))

    def limit_calls(self, service: str, times: int = 1) -> None:
        """Let a service refuse its next calls as too many, in its own words; 0: no more of them.

        For the CRM, see `CrmSettings.credits_per_day`; for tokens, `Faults.throttle`.

        Raises:
            ValueError: The sandbox has no such service, or it is the CRM.
        """
        services.require_other_service(service)
        with self._lock:
            self._state.limited[service] = times

    def join(self, email: str, org: Org) -> User:
        """Make a user a member of one more org.

        Raises:
            LookupError: There is no such user.
            ValueError: The org is in another data center.
        """
        with self._lock:
            user = self._state.directory.user(email)
            self._state.directory.join(user, org)
            return user

    @property
    def clients(self) -> tuple[Client, ...]:
        """Every registered app, in the order they were registered."""
        return tuple(self._state.directory.clients.values())

    @property
    def users(self) -> tuple[User, ...]:
        """Everybody with an account, in the order they opened it."""
        return tuple(self._state.directory.users.values())

    def user(self, email: str) -> User:
        """Return a user.

        Raises:
            LookupError: There is no such user.
        """
        return self._state.directory.user(email)

    def consent(
        self,
        authorization_url: str,
        user: str = "alice@example.com",
        *,
        allow: bool = True,
        org: Org | str | None = None,
    ) -> str:
        """Play the browser: log in, choose the org, allow or deny; return the redirect's URL.

        Args:
            org: An org or its zgid; None: the user's first.

        Raises:
            ConsentError: Zoho would show an error page and redirect nowhere.
            LookupError: There is no such user, or the page does not offer the org.
        """
        person = self.user(user)
        chosen = self._org_of(person, org)
        return consent(self.send, authorization_url, person, chosen, allow=allow)

    def grant_code(
        self,
        email: str,
        scopes: Iterable[str] | str = DEFAULT_SCOPES,
        *,
        client: Client | None = None,
        redirect_uri: str | None = None,
        offline: bool = True,
        prompt_consent: bool = True,
        org: Org | str | None = None,
        self_client: bool = False,
    ) -> str:
        """Return a grant code as an accepted consent, or the API console, would make it.

        A short cut for setting the scene: it does not count towards `Settings.grants`.

        Args:
            redirect_uri: What the exchange must repeat, or None for anything.
            self_client: Give the code the life of one that was made in the API console.

        Raises:
            LookupError: There is no such user, or they are not in the org.
            ValueError: A scope is none.
        """
        person = self.user(email)
        with self._lock:
            code = issue_code(
                self._state,
                self.clock.now(),
                person,
                self._org_of(person, org),
                scopes if isinstance(scopes, str) else ",".join(scopes),
                client=client or self.client,
                redirect_uri=redirect_uri,
                offline=offline,
                prompt_consent=prompt_consent,
                self_client=self_client,
            )
        return code.value

    def revoke(self, email: str, client: Client | None = None) -> int:
        """End what a user granted a client (None: every client), as under Connected Apps.

        Returns:
            How many grants that were.

        Raises:
            LookupError: There is no such user.
        """
        user, directory = self.user(email), self._state.directory
        with self._lock:
            ids = [client.client_id] if client else list(directory.clients)
            return self._state.grants.revoke_all(user, ids)

    def expire_access_tokens(self, email: str) -> int:
        """Let all of a user's access tokens be over; return how many that were.

        Raises:
            LookupError: There is no such user.
        """
        user = self.user(email)
        with self._lock:
            grants = self._state.grants
            tokens = [token for grant in grants.of_user(user) for token in grant.access_tokens]
            for token in tokens:
                grants.kill(token)
        return len(tokens)

    def kill_access_token(self, value: str) -> None:
        """Reject one access token from now on, before its time.

        Raises:
            LookupError: It is dead already.
        """
        with self._lock:
            token = self._state.grants.access_token(value, self.clock.now())
            if token is None:
                raise LookupError("this access token is dead already")
            self._state.grants.kill(token)

    def _org_of(self, user: User, org: Org | str | None) -> Org:
        for mine in user.orgs:
            if org in (None, mine, mine.zgid):
                return mine
        raise LookupError(f"{user.email} is not in this org")
