"""What ``evergrant import`` takes besides stores: files of other shapes, and foreign tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from evergrant._masking import masks_locals
from evergrant.cli.adopt import known_grants
from evergrant.cli.messages import print_info, print_warning
from evergrant.cli.resources import accounts_for, open_for_reading
from evergrant.config import Settings
from evergrant.errors import ConfigError

if TYPE_CHECKING:
    from evergrant.adopt import Found
    from evergrant.cli.adopt_owners import Resolved

__all__ = ["is_foreign", "read_foreign"]


def is_foreign(source: str) -> bool:
    """Return True if a source is a file's name, or the URL of a table whose columns it names."""
    has_scheme = re.match(r"[a-z][a-z0-9+.-]+:", source, re.IGNORECASE) is not None
    if not has_scheme:
        return Path(source).exists()
    from evergrant.adopt.mapped_tables import is_mapped

    return is_mapped(source)


@masks_locals
def read_foreign(source: str, settings: Settings, *, ask: bool) -> list[Resolved]:
    """Return the grants of a source, with the users that Zoho tells.

    Args:
        ask: Ask Zoho. Without, a grant of an unknown user is named after its place.

    Raises:
        ConfigError: The source holds no Zoho token, or cannot be read.
    """
    from evergrant.adopt import find_tokens
    from evergrant.adopt.mapped_tables import is_mapped, read_mapped_table
    from evergrant.cli.adopt_owners import Resolved, owner_key, resolve

    with accounts_for(settings, settings.sandbox) as accounts:
        if is_mapped(source):
            grants = read_mapped_table(source, accounts.data_centers, accounts.clock())
            what = "the table holds no token"
        else:
            report = find_tokens(
                Path(source), data_centers=accounts.data_centers, clock=accounts.clock
            )
            for problem in report.problems:
                print_info(problem)
            for warning in report.warnings:
                print_warning(warning)
            grants, what = report.grants, f"no Zoho token was found in {source}"
        if not grants:
            raise ConfigError(what, hint="docs/adopt.md lists what is recognised.")
        with open_for_reading(settings.store) as store:
            known = known_grants(store)
        taken = {owner_key(token) for token in known.values()}
        resolved = []
        for found in grants:
            there = known.get(found.token.refresh_token or "")
            if there is not None:  # Zoho need not be asked again
                one = Resolved(found=found, token=there)
            else:
                one = resolve(found, accounts, taken=taken) if ask else _unasked(found)
            if one.token:
                taken.add(owner_key(one.token))
            resolved.append(one)
            if one.token and one.note:
                print_info(f"{found.source}: {one.note}")
        return resolved


def _unasked(found: Found) -> Resolved:
    from evergrant.cli.adopt_owners import Resolved

    token = found.token if found.token.refresh_token else None
    return Resolved(found=found, token=token, note="" if token else "there is no refresh token")
