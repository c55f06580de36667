"""The app, as Django's registry knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

__all__ = ["EvergrantConfig"]


class EvergrantConfig(AppConfig):
    """Zoho's tokens, kept by evergrant."""

    name = "evergrant.integrations.django"
    label = "evergrant"
    verbose_name = "Zoho"

    def ready(self) -> None:
        """Have the settings checked, and their secrets masked: a page of errors shows settings."""
        from evergrant.integrations.django.conf import check, mask_settings

        mask_settings()
        checks.register(check)
