"""What Django's admin site and its permissions call a token; no table is behind it."""

from __future__ import annotations

from django.db import models

__all__ = ["ZohoToken"]


class ZohoToken(models.Model):
    """A token of the keeper's store, as far as a list of tokens shows it: no secret of it."""

    id = models.CharField(primary_key=True, max_length=255)
    user_name = models.CharField("user", max_length=255)

    class Meta:
        """Rows are the keeper's store's, not this database's."""

        managed = False
        app_label = "evergrant"
        verbose_name = "Zoho token"
        default_permissions = ("view", "delete")

    def __str__(self) -> str:
        return str(self.user_name)
