"""What our loggers have in common: each record is one line that cannot be taken for another."""

from __future__ import annotations

import logging

from evergrant._text import escaped

__all__ = ["one_line"]


def one_line(record: logging.LogRecord) -> bool:
    """Escape what a user name, a path or a server's word may have brought into a message."""
    text = record.getMessage()
    if (fit := escaped(text, longest=len(text))) != text:
        record.msg, record.args = fit, None
    return True


for _name in ("evergrant", "evergrant.audit"):
    logging.getLogger(_name).addFilter(one_line)
