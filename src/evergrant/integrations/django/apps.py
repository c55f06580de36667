"""The app's configuration for Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

__all__ = ["EvergrantConfig"]


class EvergrantConfig(AppConfig):
    """The app that holds Zoho's tokens."""

    name = "evergrant.integrations.django"
    label = "evergrant"
    verbose_name = "Zoho"

    def ready(self) -> None:
        """Register the system check, and mask secrets in the settings, which error pages show."""
        from evergrant.integrations.django.conf import check, mask_settings

        mask_settings()
        checks.register(check)
