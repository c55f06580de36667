"""Where this account keeps things: by the environment, else in the platform's folders."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from evergrant._text import without_line_end
from evergrant.errors import ConfigError

__all__ = ["HOME", "path_from_environment", "scratch_folder", "user_folder"]

HOME = "EVERGRANT_HOME"
"""The environment variable with one folder for configuration, lifeboat and the default store."""


def path_from_environment(variable: str) -> Path | None:
    """Return the path that an environment variable names, or None if it is not set.

    A relative one is made absolute when it is first read, and stays so for this program and those
    it starts: it means the same place when the program changes its folder.

    Raises:
        ConfigError: It is relative, and the folder that this program runs in is gone.
    """
    value = without_line_end(os.environ.get(variable, ""))
    if not value:
        return None
    if not os.path.isabs(value):  # noqa: PTH117 - as text
        try:
            os.environ[variable] = value = os.path.abspath(value)  # noqa: PTH100 - follows no link
        except OSError as error:
            raise ConfigError(
                f"{variable}={value} is relative, and this program's folder is gone: "
                f"{error.strerror}",
                hint="Name an absolute path.",
            ) from None
    return Path(value)


def user_folder(kind: Literal["config", "data"]) -> Path:
    """Return the platform's folder for evergrant's configuration, or its data.

    Raises:
        ConfigError: This account has no home, or no name by which that could be found.
    """
    home = path_from_environment(HOME)
    if home:
        return home
    named = os.environ.get(f"XDG_{kind.upper()}_HOME")
    if not os.environ.get("HOME") and not (named and os.path.isabs(named)):  # noqa: PTH117 - as text
        try:
            pwd.getpwuid(os.getuid())
        except KeyError:
            raise ConfigError(
                f"there is no home folder: HOME is not set, and uid {os.getuid()} has no name",
                hint=f"Set {HOME} to an absolute path: a folder that only this account can write.",
            ) from None
    import platformdirs

    where = platformdirs.user_config_dir if kind == "config" else platformdirs.user_data_dir
    return Path(where("evergrant"))


def scratch_folder() -> TemporaryDirectory[str]:
    """Make a folder that is removed at the end of a ``with`` statement.

    Raises:
        ConfigError: There is no place for one.
    """
    try:
        return TemporaryDirectory(prefix="evergrant-")
    except OSError as error:
        raise ConfigError(
            f"no folder for passing files can be made: {error.strerror}",
            hint="Set TMPDIR to a folder that this account can write to, on a disk with room.",
        ) from None
