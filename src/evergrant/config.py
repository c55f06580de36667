"""Settings from the environment and a TOML file; the command line's, and the default folders."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["config_folder"]


def config_folder() -> Path:
    """Return where configuration and lifeboat are: EVERGRANT_HOME, or the platform's folder."""
    home = os.environ.get("EVERGRANT_HOME")
    if home:
        return Path(home)
    from platformdirs import user_config_path  # noqa: PLC0415 - loaded where it is needed

    return user_config_path("evergrant")
