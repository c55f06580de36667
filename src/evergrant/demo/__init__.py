"""A demonstration in ten seconds against a local Zoho, in which every step is checked."""

from __future__ import annotations

from evergrant.demo.run import run_demo

__all__ = ["run_demo"]
