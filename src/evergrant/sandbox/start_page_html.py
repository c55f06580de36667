"""The start page's HTML."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from itertools import islice

from evergrant.sandbox.calls import Call, Calls
from evergrant.sandbox.defaults import DEFAULT_SCOPES
from evergrant.sandbox.request_context import SandboxState

__all__ = ["ACTION", "LATENCY_S", "content"]

ACTION = "/_sandbox/page"
"""Where the forms are sent."""

LATENCY_S = 3.0
"""Seconds that a late answer takes."""

MAX_CALLS_SHOWN = 50

_STEPS = {"10 minutes": 600, "1 hour": 3600, "1 day": 86_400, "30 days": 2_592_000}

_FAULTS = {
    "throttle": "Access Denied: too many tokens",
    "server_error": "Status 500",
    "html": "A web page instead of JSON",
    "empty": "An empty answer",
    "half_json": "JSON that breaks off",
    "drop_answer": "Done, but no answer",
    "refuse": "Not done, and no answer",
    "latency": f"{LATENCY_S:g} seconds late",
}

_STYLE = """<style>
main { max-width: 72rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-bottom: 1px solid; overflow-wrap: anywhere; }
td form { display: inline; }
label { padding: .25rem 0; }
[role=status] { border: 2px solid Highlight; border-radius: .5rem; padding: .5rem 1rem; }
input, select, textarea { font: inherit; max-width: 100%; }
textarea { width: 100%; }
.wide { overflow-x: auto; }
</style>"""


def content(
    state: SandboxState, now: datetime, calls: Calls, faults: Iterable[str], key: str, said: str
) -> str:
    """Return the page below its title.

    Args:
        key: What every form carries.
        said: What came of the last button; "" if there is nothing to say.
    """
    told = f'<p role="status">{escape(said)}</p>' if said else ""
    return "".join(
        (
            _STYLE,
            told,
            "<p>A local Zoho for tests and trials, on this machine only.</p>",
            _clock(now, key),
            _clients(state),
            _users(state, key),
            _code(state, key),
            _faults(faults, key),
            _calls(calls, key),
        )
    )


def _form(key: str, do: str, inside: str) -> str:
    return (
        f'<form method="post" action="{ACTION}"><input type="hidden" name="key" value="{key}">'
        f'<input type="hidden" name="do" value="{do}">{inside}</form>'
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; the cells are HTML."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _options(values: Iterable[tuple[str, str]]) -> str:
    return "".join(
        f'<option value="{escape(value)}">{escape(shown)}</option>' for value, shown in values
    )


def _clock(now: datetime, key: str) -> str:
    buttons = "".join(
        f'<button name="seconds" value="{seconds}">+ {name}</button>'
        for name, seconds in _STEPS.items()
    )
    return (
        f"<h2>Clock</h2><p><time>{now:%Y-%m-%d %H:%M:%S} UTC</time></p>"
        f"{_form(key, 'advance', buttons)}"
    )


def _clients(state: SandboxState) -> str:
    rows = (
        (
            f"<code>{escape(client.client_id)}</code>",
            f"<code>{escape(client.client_secret)}</code>",
            "<br>".join(escape(uri) for uri in client.redirect_uris),
        )
        for client in state.directory.clients.values()
        if client is state.client or not _is_built_in(state, client.client_id)
    )
    return f"<h2>Clients</h2>{_table(('Client id', 'Secret', 'Redirect URIs'), rows)}"


def _is_built_in(state: SandboxState, client_id: str) -> bool:
    """Return True if a client is the one that every sandbox begins with, and is not used."""
    return client_id == next(iter(state.directory.clients))


def _users(state: SandboxState, key: str) -> str:
    rows = []
    for user in state.directory.users.values():
        hidden = f'<input type="hidden" name="user" value="{escape(user.email)}">'
        rows.append(
            (
                f"{escape(user.full_name)}<br>{escape(user.email)}",
                escape(user.data_center),
                "<br>".join(escape(f"{org.name} ({org.kind}): {org.zgid}") for org in user.orgs),
                "all" if user.services is None else escape(", ".join(sorted(user.services))),
                str(len(state.grants.of_user(user))),
                _form(key, "expire", f"{hidden}<button>Expire access tokens</button>")
                + _form(key, "revoke", f"{hidden}<button>Revoke all</button>"),
            )
        )
    heads = ("Person", "Data center", "Orgs", "Services", "Grants", "")
    return f"<h2>People</h2>{_table(heads, rows)}"


def _code(state: SandboxState, key: str) -> str:
    accounts = _options(
        (f"{user.email}:{org.zgid}", f"{user.email}, {org.name} ({org.kind})")
        for user in state.directory.users.values()
        for org in user.orgs
    )
    ids = [state.client.client_id, *state.directory.clients]
    clients = _options((one, one) for one in dict.fromkeys(ids))
    scopes = escape(",".join(DEFAULT_SCOPES))
    inside = (
        f'<label>Person <select name="account">{accounts}</select></label>'
        f'<label>Client <select name="client">{clients}</select></label>'
        f'<label>Scopes <textarea name="scopes" rows="2">{scopes}</textarea></label>'
        "<button>Make a code</button>"
    )
    return (
        "<h2>Grant code of a self client</h2><p>As Zoho's API console makes it; for "
        f"<code>evergrant login --self-client</code>.</p>{_form(key, 'code', inside)}"
    )


def _faults(planned: Iterable[str], key: str) -> str:
    kinds = _options(_FAULTS.items())
    times = _options((("1", "once"), ("3", "3 times"), ("10", "10 times"), ("", "until mended")))
    where = _options((("token", "requests for tokens"), ("all", "every request")))
    inside = (
        f'<label>What <select name="kind">{kinds}</select></label>'
        f'<label>Befalls <select name="where">{where}</select></label>'
        f'<label>How often <select name="times">{times}</select></label>'
        "<button>Plan it</button>"
    )
    listed = "".join(f"<li>{escape(one)}</li>" for one in planned)
    mend = _form(key, "mend", "<button>Mend all</button>") if listed else ""
    planned_list = f"<ul>{listed}</ul>" if listed else ""
    return f"<h2>Faults</h2>{planned_list}{mend}{_form(key, 'fault', inside)}"


def _calls(calls: Calls, key: str) -> str:
    missing = "".join(
        f"<li>{escape(what)} ({number})</li>" for what, number in calls.missing().items()
    )
    lacks = f"<p>What the sandbox does not have was asked for:</p><ul>{missing}</ul>"
    rows = (_row(call) for call in islice(reversed(list(calls)), MAX_CALLS_SHOWN))
    heads = ("Time", "Data center", "Request", "Status", "For", "Person", "Org")
    forget = _form(key, "forget", "<button>Forget them</button>")
    return (
        f"<h2>Calls</h2><p>{len(calls)} so far; the latest first. "
        f'<a href="/">Load again</a></p>{lacks if missing else ""}{_table(heads, rows)}{forget}'
    )


def _row(call: Call) -> tuple[str, ...]:
    cells = (
        f"{call.at:%H:%M:%S}",
        call.data_center,
        f"{call.method} {call.path}",
        str(call.status or "none"),
        call.service or call.grant_type or "",
        call.user or "",
        call.org or "",
    )
    return tuple(escape(cell) for cell in cells)
