"""``manage.py zoho_tokens`` lists who is logged in; ``--revoke USER`` revokes a grant."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evergrant._text import printable
from evergrant.errors import EvergrantError
from evergrant.integrations.django.conf import keeper

__all__ = ["Command"]


class Command(BaseCommand):
    """Lists the tokens of the project's store, without secrets."""

    help = "List who is logged in with Zoho; revoke a grant."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--revoke", metavar="USER", help="Revoke this user's grant at Zoho.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        try:
            if user := options["revoke"]:
                keeper().revoke(user)
                self.stdout.write(f"revoked: {printable(user)}")
                return
            states = keeper().states
            for token in keeper().store.iter_tokens():
                row = f"{token.user_name}  {token.client_id}  {states.describe(token)}"
                self.stdout.write(printable(row))
        except EvergrantError as error:
            raise CommandError(printable(str(error))) from None
