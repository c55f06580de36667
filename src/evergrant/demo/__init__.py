"""The whole story in ten seconds, against a local Zoho: told, and checked step by step."""

from __future__ import annotations

from evergrant.demo.run import run_demo

__all__ = ["run_demo"]
