"""The layout of the help: commands in groups, arguments by name, examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["EXAMPLES", "GROUPS", "DocumentedCommand", "DocumentedGroup"]

GROUPS: Mapping[str, Sequence[str]] = {
    "Begin": ("login", "init", "doctor", "demo", "sandbox", "help", "version"),
    "Tokens": ("list", "show", "token", "refresh", "revoke", "delete", "purge"),
    "Zoho's services": ("api", "orgs", "services"),
    "Operation": ("keep", "why", "audit"),
    "Stores": ("move", "import", "adopt", "keys", "check-store"),
}
"""The groups of commands in the help."""

EXAMPLES: Mapping[str, Sequence[str]] = {
    "login": (
        "evergrant login --data-center eu",
        "evergrant login --service desk",
        "evergrant login --self-client",
    ),
    "init": ("evergrant init", "evergrant init --data-center any"),
    "doctor": ("evergrant doctor --offline", "evergrant doctor --repair"),
    "sandbox": (
        "evergrant sandbox",
        "evergrant sandbox --user me@example.com --state zoho.json",
        "evergrant login --sandbox",
    ),
    "help": ("evergrant help login", "evergrant help keys rotate"),
    "list": ("evergrant list", "evergrant list | cut -f1", "evergrant list --json"),
    "show": ("evergrant show me@example.com", "evergrant show --id 7 --json"),
    "token": ("evergrant token me@example.com",),
    "api": (
        "evergrant api GET /crm/v8/Leads -f fields=Last_Name",
        "evergrant api POST /crm/v8/Leads -f 'data[][Last_Name]=Doe'",
        "evergrant api desk:/tickets --org 2389290 --paginate --jq '.[].subject'",
    ),
    "orgs": ("evergrant orgs --service books",),
    "services": ("evergrant services", "evergrant services desk"),
    "refresh": ("evergrant refresh me@example.com",),
    "revoke": ("evergrant revoke me@example.com",),
    "delete": ("evergrant delete me@example.com", "evergrant delete --id 7 --yes"),
    "purge": ("evergrant purge --dry-run",),
    "keep": ("evergrant keep", "evergrant keep me@example.com --metrics 9108"),
    "why": ("evergrant why me@example.com",),
    "move": ("evergrant move file:///srv/tokens.csv sqlite:////srv/tokens.db --dry-run",),
    "import": ("evergrant import env:", "evergrant import - < tokens.json"),
    "adopt": ("evergrant adopt", "evergrant adopt my_project --import"),
    "check-store": ("evergrant check-store my_app.stores:make_store",),
    "keys generate": ("evergrant keys generate --file ~/.evergrant.keys",),
    "keys rotate": ("evergrant keys rotate",),
    "audit verify": ("evergrant audit verify",),
}
"""Lines to copy, by command."""


class DocumentedCommand(TyperCommand):
    """Shows arguments by their metavar, and ends with examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parser's
        """Return what follows the command's name in the usage line."""
        arguments = [one for one in self.params if one.param_type_name == "argument"]
        return ["[OPTIONS]", *map(_argument_usage, arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options."""
        written: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record: tuple[str, str] | None = parameter.get_help_record(ctx)
            if record and parameter.param_type_name == "argument":
                written["Arguments"].append((_argument_name(parameter), record[1]))
            elif record:
                written["Options"].append(record)
        for title, rows in written.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        examples = EXAMPLES.get(ctx.command_path.partition(" ")[2], ())
        if examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in examples))


class DocumentedGroup(TyperGroup):
    """Shows each command with its whole summary."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the parser's
        """Write the commands, in groups if there are any."""
        groups = GROUPS if self.commands.keys() >= {"login"} else {"Commands": list(self.commands)}
        for title, names in groups.items():
            summaries = [
                (name, self.commands[name].get_short_help_str(limit=1_000)) for name in names
            ]
            with formatter.section(title):
                formatter.write_dl(summaries)


def _argument_name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _argument_usage(argument: Any) -> str:
    name = _argument_name(argument)
    if not argument.required and not name.startswith("["):
        name = f"[{name}]"
    return f"{name}..." if argument.nargs < 0 else name
