"""The slice of Zoho CRM v8 that the official SDK and the examples call."""

from __future__ import annotations

from evergrant.sandbox.crm.routing import handle

__all__ = ["handle"]
