"""Data folders of servers as they are installed: each kind is installed once, and copied."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

__all__ = ["install"]

TEMPLATES = Path(__file__).parents[3] / ".cache" / "servers"


def install(kind: str, command: Sequence[str], data: Path, run: Callable[..., None]) -> None:
    """Install what a server needs to start, or copy it from an earlier server of its kind.

    Args:
        kind: The server's name, for people.
        command: What installs it. Its first word is a path; a new version is installed anew.
        data: The folder that the command fills.
        run: Runs it.
    """
    version = Path(command[0]).resolve().stat()
    settings = [word.replace(str(data.parent), "") for word in command]
    key = repr((settings, version.st_mtime_ns, version.st_size))
    template = TEMPLATES / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{template}.lock"):
        if not template.exists():
            run(*command)
            _copy(data, draft := template.with_suffix(".draft"))
            draft.rename(template)
            return
    _copy(template, data)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["rm", "-rf", target], check=True)
    subprocess.run(["cp", "-a", source, target], check=True)  # the owner too
