"""Serves the student portal on a socket that the test has opened; ends when stdin does.

Runs in the environment that has the official SDK. The socket outlives this process, so that a
restart loses no request and no port.
"""

from __future__ import annotations

import os
import sys
import threading

from werkzeug.serving import make_server

from student_portal import create_app


def main() -> None:
    """Serve until the test closes stdin, or dies."""
    app = create_app()
    server = make_server("127.0.0.1", 0, app, threaded=True, fd=int(sys.argv[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
