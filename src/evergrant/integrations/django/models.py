"""Tokens as Django's admin site and its permissions know them; there is no table."""

from __future__ import annotations

from django.db import models

__all__ = ["Token"]


class _NoTable(models.Manager):
    """Finds nothing: whoever goes through all models (``dumpdata``) must not ask for a table."""

    def get_queryset(self) -> models.QuerySet:
        """Return nothing, and ask nobody."""
        return super().get_queryset().none()


class Token(models.Model):
    """A token of the keeper's store, for its name and its permissions: none of its secrets."""

    id = models.CharField(primary_key=True, max_length=255)
    user_name = models.CharField(max_length=255)

    objects = _NoTable()

    class Meta:
        """What Django's registry knows."""

        managed = False
        base_manager_name = "objects"
        default_permissions = ("view", "delete")
        verbose_name = "token"

    def __str__(self) -> str:
        return str(self.user_name)
