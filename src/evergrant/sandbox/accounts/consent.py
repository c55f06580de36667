"""``/oauth/v2/auth``: the page where a user lets an app in, and the redirect that follows.

Sources: https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html,
https://www.zoho.com/accounts/protocol/oauth/multi-dc/client-authorization.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote

from evergrant.sandbox.accounts.consent_tickets import Application
from evergrant.sandbox.accounts.grants import new_token
from evergrant.sandbox.accounts.responses import error_page, not_here, page
from evergrant.sandbox.accounts.scopes import read_scopes
from evergrant.sandbox.messages import Response, redirect
from evergrant.sandbox.models import Client, Code, Org, User
from evergrant.sandbox.request_context import RequestContext

__all__ = ["APPROVE_PATH", "approve", "ask"]

APPROVE_PATH = "/oauth/v2/approve"

_LOOPBACK = re.compile(
    r"(http://(?:127\.0\.0\.1|localhost|\[::1\]))(?::[0-9]{1,5})?(/.*|)", re.DOTALL
)
_METHODS = ("plain", "S256")
_VALUES = {"access_type": ("online", "offline"), "prompt": ("", "consent")}
"""Values that the sandbox knows, the default first."""

_OPENID = {"openid", "email", "profile", "phone"}


_TAKES_ACCOUNT = {
    "ZOHOCRM": "crm",
    "ZOHOBIGIN": "bigin",
    "ZOHOCAMPAIGNS": "campaigns",
    "ZOHORECRUIT": "recruit",
    "DESK": "desk",
}
"""Services for which nothing is granted to a person without an account there, by scope area."""


def ask(visit: RequestContext) -> Response:
    """Show the consent page, or a page that says why not; such errors do not redirect."""
    application = _application(visit)
    if isinstance(application, Response):
        return application
    choices = list(_accounts(visit))
    scopes = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in application.scopes)
    ticket = visit.state.tickets.issue(application)
    return page(
        "Let this app in?",
        f"<p>The app <code>{escape(application.client.client_id)}</code> asks for:</p>"
        f"<ul>{scopes}</ul>"
        f'<form method="post" action="{APPROVE_PATH}">'
        f'<input type="hidden" name="ticket" value="{ticket}">'
        f"<fieldset><legend>As</legend>{''.join(_radios(choices))}</fieldset>"
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny" formnovalidate>Deny</button></form>',
    )


def approve(visit: RequestContext) -> Response:
    """Take the answered form and send the browser back to the app."""
    if visit.request.method != "POST":
        return error_page("Method Not Allowed", "This address takes the consent form.", 405)
    form = visit.request.form
    application = visit.state.tickets.take(form.get("ticket", ""))
    if application is None:
        return error_page("Page Expired", "This page was answered already. Start over.")
    if form.get("decision") != "allow":
        return _back(application, "error=access_denied" + _state(application, before="&"))
    for user, org in _accounts(visit):
        if form.get("account") == _name(user, org):
            return _accept(visit, application, user, org)
    return error_page("No Such Account", "Choose one of the accounts on the page. Start over.")


def _application(visit: RequestContext) -> Application | Response:  # noqa: PLR0911 - a page for each refusal
    """Return what is asked for, or the page that refuses it.

    Zoho's title for a wrong redirect URI is known; the other pages were never captured.
    """
    params = visit.request.params
    client = visit.state.directory.clients.get(params.get("client_id", ""))
    if client is None or not client.enabled_in(visit.place.data_center):
        return error_page("Invalid Client", "Client Id passed does not exist.")
    redirect_uri = params.get("redirect_uri", "")
    if not _registered(client, redirect_uri, any_port=visit.state.settings.loopback_any_port):
        return error_page(
            "Invalid Redirect Uri",
            "Redirect URI passed does not match with the one configured.",
        )
    if (missing := _unknown_value(visit)) is not None:
        return not_here(missing)
    if params.get("response_type") != "code":
        return error_page("Invalid Response Type", "response_type must be code.")
    scopes = read_scopes(params.get("scope", ""))
    if scopes is None:
        return error_page("Invalid OAuth Scope", "Scope does not exist.")
    method = params.get("code_challenge_method", "plain")
    if method not in _METHODS:
        return error_page("Invalid Code Challenge Method", "Use S256 or plain.")
    return Application(
        client=client,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=params.get("state"),
        offline=params.get("access_type", "online") == "offline",
        again=params.get("prompt") == "consent",
        challenge=params.get("code_challenge"),
        challenge_method=method,
    )


def _unknown_value(visit: RequestContext) -> str | None:
    """Return what is asked for that Zoho has and the sandbox has not, if that is an end to it."""
    params = visit.request.params
    if _OPENID & set(params.get("scope", "").split(",")):
        return "the scopes of OpenID Connect"
    if params.get("response_type") == "token":
        visit.missing.append("response_type=token (the implicit grant)")
    for name, known in _VALUES.items():
        value = params.get(name, known[0])
        if value not in known:
            if visit.state.settings.strict:
                return f"{name}={value}"
            visit.missing.append(f"{name}={value}")
    return None


def _registered(client: Client, redirect_uri: str, *, any_port: bool) -> bool:
    if redirect_uri in client.redirect_uris:
        return True
    asked = _LOOPBACK.fullmatch(redirect_uri) if any_port else None
    return asked is not None and any(
        (known := _LOOPBACK.fullmatch(uri)) is not None and known.groups() == asked.groups()
        for uri in client.redirect_uris
    )


def _accounts(visit: RequestContext) -> Iterator[tuple[User, Org]]:
    """Yield the users that can log in here: those of China in China only, all others elsewhere.

    https://www.zoho.com/crm/developer/docs/api/v8/multi-dc.html
    """
    in_china = visit.place.data_center == "cn"
    for user in visit.state.directory.users.values():
        if (user.data_center == "cn") == in_china:
            for org in user.orgs:
                yield user, org


def _name(user: User, org: Org) -> str:
    return f"{user.email}:{org.zgid}"


def _radios(choices: list[tuple[User, Org]]) -> Iterator[str]:
    for number, (user, org) in enumerate(choices):
        checked = "" if number else " checked"
        where = f"{org.name} ({org.kind}, {user.data_center})"
        yield (
            f'<label><input type="radio" name="account" required{checked} '
            f'value="{escape(_name(user, org))}"> '
            f"{escape(user.full_name)}, {escape(user.email)}: {escape(where)}</label>"
        )


def _accept(visit: RequestContext, application: Application, user: User, org: Org) -> Response:
    visit.user = user.email
    grants, settings = visit.state.grants, visit.state.settings
    client_id = application.client.client_id
    if _lacks_account(user, application.scopes):
        return _back(application, "error=no_org" + _state(application, before="&"))
    if not grants.may_issue_code(client_id, visit.now):
        return _back(application, "error=access_denied" + _state(application, before="&"))
    code = Code(
        value=new_token(),
        client_id=client_id,
        user=user,
        org=org,
        scopes=application.scopes,
        redirect_uri=application.redirect_uri,
        expires_at=visit.now + settings.code_life,
        refresh=grants.consent(
            user, client_id, offline=application.offline, again=application.again
        ),
        challenge=application.challenge,
        challenge_method=application.challenge_method,
    )
    grants.add_code(code, visit.now)
    home = visit.state.data_centers[user.data_center]
    accounts = quote(home.accounts_url, safe="")
    # The trailing ampersand is Zoho's own.
    return _back(
        application,
        f"{_state(application, after='&')}code={code.value}"
        f"&location={home.code}&accounts-server={accounts}&",
    )


def _lacks_account(user: User, scopes: Iterable[str]) -> bool:
    """Return True if a scope is of a service that takes an account, and the user has none there.

    help.zoho.com, "Upcoming changes to the permission grant flow", since 2025-02-10.
    """
    if user.services is None:
        return False
    areas = {scope.partition(".")[0].upper() for scope in scopes}
    return any(_TAKES_ACCOUNT[area] not in user.services for area in areas & _TAKES_ACCOUNT.keys())


def _state(application: Application, *, before: str = "", after: str = "") -> str:
    if application.state is None:
        return ""
    return f"{before}state={quote(application.state, safe='')}{after}"


def _back(application: Application, query: str) -> Response:
    joint = "&" if "?" in application.redirect_uri else "?"
    return redirect(f"{application.redirect_uri}{joint}{query}")
