"""What people see of tokens: one description of a row, as a table, a page or JSON; no secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from evergrant.errors import CorruptRecord, UntrustedServer
from evergrant.text import printable
from evergrant.token import NO_REFRESH_TOKEN, Token

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from evergrant.accounts import Accounts
    from evergrant.datacenter import DataCenters
    from evergrant.keeping.state import States
    from evergrant.stores.base import TokenStore

__all__ = [
    "Row",
    "console",
    "describe",
    "page",
    "read_rows",
    "state_color",
    "table",
    "token_cells",
    "token_table",
]

Row = dict[str, Any]

CORRUPT = "corrupt"

WIDE = 200
"""Columns where nobody looks: a pipe must not cut what a screen would."""

NARROW = 120
"""Columns below which scopes are only counted: there is no room for their names."""

_STYLES = {
    "fresh": "green",
    "stale": "yellow",
    "expired": "yellow",
    NO_REFRESH_TOKEN: "magenta",
    "needs login": "red",
    "throttled": "yellow",
    CORRUPT: "red",
    "ok": "green",
    "note": "yellow",
    "problem": "red",
    "kept": "green",
    "broken": "red",
    "beyond": "yellow",
}


def read_rows(store: TokenStore, accounts: Accounts, states: States) -> Iterator[Row]:
    """Describe every row of a store as it is read, the corrupt ones last; see `describe`."""
    corrupt: list[CorruptRecord] = []
    for token in store.iter_tokens(on_corrupt=corrupt.append):
        yield describe(token, accounts, states)
    yield from map(_describe_corrupt, corrupt)


def describe(token: Token, accounts: Accounts, states: States) -> Row:
    """Describe a token for people and programs; of its secrets, only which there are.

    Args:
        accounts: Whose clock and data centers count; nothing is asked of them.
        states: Says how its grant stands, and when the policy ends it, by which rule.
    """
    now = accounts.clock()
    ending = states.ending(token)
    left = None if token.expires_at is None else int((token.expires_at - now).total_seconds())
    return {
        "user": token.user_name,
        "id": token.id,
        "data_center": _data_center(token, accounts.data_centers),
        "org_id": token.org_id,
        "client_id": token.client_id,
        "scopes": list(token.scopes),
        "state": states.word(token),
        "expires_in": left,
        "expires_at": _iso(token.expires_at),
        "ends_at": _iso(ending.at) if ending else None,
        "ends_by": ending.rule if ending else None,
        "created_at": _iso(token.created_at),
        "updated_at": _iso(token.updated_at),
        "last_used_at": _iso(token.last_used_at),
        "api_domain": token.api_domain,
        "redirect_url": token.redirect_url,
        "version": token.version,
        "has_access_token": bool(token.access_token),
        "has_refresh_token": bool(token.refresh_token),
        "has_client_secret": bool(token.client_secret),
    }


def _describe_corrupt(error: CorruptRecord) -> Row:
    return {
        "user": error.user,
        "id": error.token_id,
        "state": CORRUPT,
        "scopes": [],
        "problem": error.message,
    }


def _data_center(token: Token, known: DataCenters) -> str | None:
    if token.api_domain is None:
        return None
    try:
        return known.by_api_domain(token.api_domain).code
    except UntrustedServer:
        return "sandbox" if token.api_domain.startswith("http://") else "unknown"


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def console(*, stderr: bool = False) -> Console:
    """Return where tables are printed: as wide as the screen, and never cut in a pipe."""
    from rich.console import Console

    screen = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not screen.is_terminal:
        screen.width = WIDE
    return screen


def token_cells(row: Row, *, wide: bool) -> dict[str, str | None]:
    """Return what a list shows of a row, by column.

    Args:
        wide: Name the scopes, and tell when the row was saved.
    """
    scopes = " ".join(row["scopes"]) if wide else str(len(row["scopes"]))
    saved = {"updated (UTC)": _minute(row.get("updated_at"))} if wide else {}
    return {
        "user": row["user"],
        "id": row["id"],
        "dc": row.get("data_center"),
        "scopes": scopes,
        "state": row["state"],
        "expires in": _span(row.get("expires_in")),
        **saved,
        "ends (UTC)": _ends(row),
    }


def token_table(rows: Sequence[Row], width: int) -> Table:
    """Lay out what `describe` says of a few tokens, for a screen this wide."""
    cells = [token_cells(row, wide=width >= NARROW) for row in rows]
    ends = any(row["ends (UTC)"] for row in cells)
    columns = [name for name in cells[0] if ends or name != "ends (UTC)"] if cells else ["user"]
    return table(columns, [[row[name] for name in columns] for row in cells], width)


def state_color(state: str) -> str | None:
    """Return the colour of what names a state; None: it has none."""
    return _STYLES.get(state)


def _ends(row: Row) -> str | None:
    return f"{_minute(row['ends_at'])} {row['ends_by']}" if row.get("ends_at") else None


def table(columns: Sequence[str], lines: Iterable[Sequence[str | None]], width: int) -> Table:
    """Lay out lines of text for a screen this wide; what names a state gets its colour."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    lines = list(lines)
    first = max((len(line[0] or "") for line in lines), default=0)
    for number, column in enumerate(columns):
        # What names a row stays in one piece where there is room, and is never cut.
        whole = number == 0 and first <= width // 2
        grid.add_column(column, overflow="fold", no_wrap=whole, header_style="bold")
    for line in lines:
        grid.add_row(*(Text(printable(cell or "-"), _STYLES.get(cell or "", "")) for cell in line))
    return grid


def page(row: Row) -> Table:
    """Lay out what `describe` says of one token, a line for each thing."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for key, value in row.items():
        text = _words(key, value)
        grid.add_row(
            Text(key.replace("_", " "), "bold"), Text(printable(text), _STYLES.get(text, ""))
        )
    return grid


def _words(key: str, value: object) -> str:
    if key == "expires_in":
        return _span(value if isinstance(value, int) else None) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value) or "-"
    return "-" if value is None else str(value)


def _span(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    if seconds <= 0:
        return "-"
    span = timedelta(seconds=seconds)
    if span >= timedelta(days=1):
        return f"{span.days} d"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min" if minutes else f"{rest} s"


def _minute(iso: str | None) -> str | None:
    return iso[:16].replace("T", " ") if iso else None
