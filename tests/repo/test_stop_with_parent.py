"""The servers that tests start end with the tests, whatever becomes of these."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.servers import stop_with_parent


def test_a_server_ends_with_whoever_started_it_and_leaves_no_folder() -> None:
    folder = Path(tempfile.mkdtemp())
    if owner := stop_with_parent.identity():
        os.chown(folder, owner["user"], owner["group"])
    (folder / "data").touch()
    command = [sys.executable, stop_with_parent.__file__, str(folder), str(int(signal.SIGKILL))]
    with subprocess.Popen(
        [*command, "sleep", "1000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        server = int(process.stdout.readline())
        os.kill(server, 0)
        assert process.stdin
        process.stdin.close()  # as the kernel does for a process that was killed
        process.wait(60)
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
