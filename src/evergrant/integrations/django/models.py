"""A model without a table, for Django's admin site and its permissions."""

from __future__ import annotations

from django.db import models

__all__ = ["Token"]


class _NoTable(models.Manager):
    """Finds nothing, so that commands for all models (``dumpdata``) do not query a table."""

    def get_queryset(self) -> models.QuerySet:
        """Return an empty set, without a query."""
        return super().get_queryset().none()


class Token(models.Model):
    """A token of the keeper's store: its name and permissions, no secrets."""

    id = models.CharField(primary_key=True, max_length=255)
    user_name = models.CharField(max_length=255)

    objects = _NoTable()

    class Meta:
        """Options for Django."""

        managed = False
        base_manager_name = "objects"
        default_permissions = ("view", "delete")
        verbose_name = "token"

    def __str__(self) -> str:
        return str(self.user_name)
