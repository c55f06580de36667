"""Describes tokens without secrets, one dict per row, and lays them out as a table or page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from evergrant.cli.columns import column_widths, display_text, lay_out
from evergrant.errors import CorruptRecord, UntrustedServer
from evergrant.token import NO_REFRESH_TOKEN, Token

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from evergrant._core.grant_state import GrantStates
    from evergrant.accounts import Accounts
    from evergrant.datacenter import DataCenters
    from evergrant.stores.base import TokenStore

__all__ = [
    "Row",
    "console",
    "describe",
    "non_empty_columns",
    "read_rows",
    "state_color",
    "table",
    "token_cells",
    "token_page",
    "token_table",
]

Row = dict[str, Any]

CORRUPT = "corrupt"

PIPE_WIDTH = 100_000
"""The width that is used for a pipe, so that no line is folded."""

MIN_WIDTH_FOR_SCOPES = 120
"""On a narrower screen, scopes are only counted: their names do not fit."""

_STATE_COLORS = {
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


def read_rows(store: TokenStore, accounts: Accounts, states: GrantStates) -> Iterator[Row]:
    """Describe every row of a store while it is read, corrupt rows last; see `describe`."""
    corrupt: list[CorruptRecord] = []
    for token in store.iter_tokens(on_corrupt=corrupt.append):
        yield describe(token, accounts, states)
    yield from map(_describe_corrupt, corrupt)


def describe(token: Token, accounts: Accounts, states: GrantStates) -> Row:
    """Describe a token for people and programs. Of secrets, say only which exist.

    Args:
        accounts: Gives the clock and the data centers; no request is sent.
        states: Gives the state of the grant, and when the policy ends it, by which rule.
    """
    now = accounts.clock()
    ending = states.policy_expiry(token)
    left = None if token.expires_at is None else int((token.expires_at - now).total_seconds())
    return {
        "user": token.user_name,
        "id": token.id,
        "data_center": _data_center(token, accounts.data_centers),
        "org_id": token.org_id,
        "client_id": token.client_id,
        "scopes": list(token.scopes),
        "state": states.describe(token),
        "expires_in": left,
        "expires_at": _format_iso(token.expires_at),
        "ends_at": _format_iso(ending.at) if ending else None,
        "ends_by": ending.rule if ending else None,
        "created_at": _format_iso(token.created_at),
        "updated_at": _format_iso(token.updated_at),
        "last_used_at": _format_iso(token.last_used_at),
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


def _format_iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the screen. In a pipe, nothing is cut."""
    from rich.console import Console

    screen = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not screen.is_terminal:
        screen.width = PIPE_WIDTH
    return screen


def token_cells(row: Row, *, wide: bool) -> dict[str, str | None]:
    """Return the cells of a row, by column.

    Args:
        wide: Show the names of the scopes, and when the row was saved.
    """
    scopes = " ".join(row["scopes"]) if wide else str(len(row["scopes"]))
    saved = {"updated (UTC)": _format_minute(row.get("updated_at"))} if wide else {}
    return {
        "user": row["user"],
        "id": row["id"],
        "dc": row.get("data_center"),
        "scopes": scopes,
        "state": row["state"],
        "expires in": _format_span(row.get("expires_in")),
        **saved,
        "ends (UTC)": _format_end(row),
    }


def token_table(rows: Sequence[Row], width: int) -> Text:
    """Lay out the descriptions of a few tokens for a screen of this width."""
    cells = [token_cells(row, wide=width >= MIN_WIDTH_FOR_SCOPES) for row in rows]
    columns = non_empty_columns(cells)
    return table(columns, [[row[name] for name in columns] for row in cells], width)


def non_empty_columns(cells: Sequence[dict[str, str | None]]) -> list[str]:
    """Return the columns that are not empty; the user's column is always included."""
    names = cells[0] if cells else ("user",)
    return [name for name in names if name == "user" or any(row[name] for row in cells)]


def state_color(state: str) -> str | None:
    """Return the colour of a state, or None."""
    return _STATE_COLORS.get(state)


def _format_end(row: Row) -> str | None:
    return f"{_format_minute(row['ends_at'])} {row['ends_by']}" if row.get("ends_at") else None


def table(columns: Sequence[str], lines: Iterable[Sequence[str | None]], width: int) -> Text:
    """Lay out lines of text for a screen of this width; the names of states are coloured."""
    rows = [[display_text(cell or "-") for cell in line] for line in lines]
    widths = column_widths([columns, *rows], width)
    grid = _empty_grid()
    _add_row(grid, columns, widths, style="bold")
    for row in rows:
        _add_row(grid, row, widths)
    grid.right_crop(1)  # printing adds the last line end
    return grid


def token_page(row: Row, width: int) -> Text:
    """Lay out the description of one token, one line per field."""
    rows = [
        (key.replace("_", " "), display_text(_format_value(key, value)))
        for key, value in row.items()
    ]
    widths = column_widths(rows, width)
    grid = _empty_grid()
    for pair in rows:
        _add_row(grid, pair, widths, first="bold")
    grid.right_crop(1)
    return grid


def _empty_grid() -> Text:
    from rich.text import Text

    return Text(no_wrap=True, overflow="ignore")


def _add_row(
    grid: Text, row: Sequence[str], widths: Sequence[int], *, style: str = "", first: str = ""
) -> None:
    for line in lay_out(row, widths):
        for part, cell in line:
            known = first if first and cell == row[0] else _STATE_COLORS.get(cell, "")
            grid.append(part, style or known)
        grid.append("\n")


def _format_value(key: str, value: object) -> str:
    if key == "expires_in":
        return _format_span(value if isinstance(value, int) else None) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value) or "-"
    return "-" if value is None else str(value)


def _format_span(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    if seconds <= 0:
        return "-"
    span = timedelta(seconds=seconds)
    if span >= timedelta(days=1):
        return f"{span.days} d"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min" if minutes else f"{rest} s"


def _format_minute(iso: str | None) -> str | None:
    return iso[:16].replace("T", " ") if iso else None
