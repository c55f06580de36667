"""Takes over the Zoho tokens that a program keeps itself: finds them, and what to change.

    report = find_tokens(Path("my_project"))
    for found in report.grants:
        print(found.source, found.shape, found.needs)

Nothing is changed: neither the files that hold tokens, nor the program.
"""

from __future__ import annotations

from evergrant.adopt.changes import Change, suggest_change
from evergrant.adopt.folder import find_tokens
from evergrant.adopt.found import ClientFound, Found, Report

__all__ = ["Change", "ClientFound", "Found", "Report", "find_tokens", "suggest_change"]
