"""The positions of an upload's files, so that the upload can be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["StreamPositions"]


class StreamPositions:
    """The positions of the streams in the body of an SDK's call, before it is sent.

    A stream that was read to its end would be sent again as an empty file.

    Args:
        body: The body from the SDK's converter; files are ``StreamWrapper`` objects of a form.
    """

    def __init__(self, body: Any) -> None:
        self._marks = [(stream, _position(stream)) for stream in _streams(body)]

    def restore(self) -> bool:
        """Set all streams back; return False if one of them cannot be set back."""
        if any(position is None for _, position in self._marks):
            return False
        for stream, position in self._marks:
            stream.seek(position)
        return True


def _streams(body: Any) -> Iterator[Any]:
    for value in body.values() if isinstance(body, dict) else ():
        for part in value if isinstance(value, list) else [value]:
            if hasattr(part, "get_stream") and not isinstance(part.get_stream(), str | bytes):
                yield part.get_stream()


def _position(stream: Any) -> int | None:
    try:
        return int(stream.tell()) if stream.seekable() else None
    except (AttributeError, OSError, ValueError):
        return None
