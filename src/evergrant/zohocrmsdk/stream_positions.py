"""Where the files of an upload stand, so that it can be sent once more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["StreamPositions"]


class StreamPositions:
    """Where the streams in the body of an SDK's call stand before it is sent.

    A stream that was read to its end would be sent again as an empty file.

    Args:
        body: As the SDK's converter formed it; files are in a form's ``StreamWrapper`` objects.
    """

    def __init__(self, body: Any) -> None:
        self._marks = [(stream, _position(stream)) for stream in _streams(body)]

    def restore(self) -> bool:
        """Set the streams back; return False where one cannot be."""
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
