"""``python -m evergrant`` is the command ``evergrant``."""

from __future__ import annotations

from evergrant.cli import main

if __name__ == "__main__":
    main()
