"""Programs that pip cannot install: those that are here, or Debian's where we may install them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tools.venvs import ROOT, run

BROWSER = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Program and the Debian package that has it."""

SERVERS = {
    "mariadbd": "mariadb-server",
    "postgres": "postgresql",
    "redis-server": "redis-server",
    "pgbouncer": "pgbouncer",
    "ip": "iproute2",
    "iptables": "iptables",
}
"""The databases that the tests start, each its own (those that Debian starts are not used), and
what makes the networks between them."""

PLACES = ("/usr/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))))
"""Where Debian keeps the servers, outside of an ordinary user's PATH."""


def provide(programs: dict[str, str]) -> None:
    """Install what is missing, as root on Debian; elsewhere say loudly what will not be tested.

    Raises:
        StepError: Installing failed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), *PLACES])
    missing = {
        name: package for name, package in programs.items() if not shutil.which(name, path=path)
    }
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {', '.join(missing.values())} ...", file=sys.stderr, flush=True)
        quietly = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        run([*quietly, "update"], ROOT)
        run([*quietly, "install", "--yes", "--no-install-recommends", *missing.values()], ROOT)
    else:
        names = ", ".join(missing)
        print(f"!!! {names} not found: TESTS THAT NEED THEM ARE SKIPPED !!!", file=sys.stderr)
