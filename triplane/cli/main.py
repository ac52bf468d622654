"""The ``triplane`` command.

Only the module of the command that was asked for is imported, so that small commands answer at once.
"""

import sys
from collections.abc import Iterable
from pkgutil import resolve_name
from typing import Any, Final

import typer
from typer.core import TyperCommand

from triplane.version import __version__

COMMANDS: Final = {
    "up": "triplane.cli.up:up",
    "backtest": "triplane.cli.backtest:backtest",
    "check": "triplane.cli.check:check",
    "analyze": "triplane.cli.analyze:analyze",
    "verify": "triplane.cli.sessions:verify",
    "sessions": "triplane.cli.sessions:sessions",
    "start": "triplane.cli.sessions:start",
    "stop": "triplane.cli.sessions:stop",
    "accounts": "triplane.cli.accounts:app",
    "strategies": "triplane.cli.strategies:strategies",
    "exchange": "triplane.cli.exchange:exchange",
    "parity": "triplane.cli.parity:parity",
    "router": "triplane.cli.router:router",
    "regime": "triplane.cli.regime:app",
    "config": "triplane.cli.config:app",
    "alerts": "triplane.cli.alerts:app",
    "db": "triplane.cli.db:app",
}
"""Each command, or group of commands, and where it is."""


class WholeNames(TyperCommand):
    """Its help is plain text: in a table of 80 columns long names of options would be cut off."""

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write the help."""
        self.rich_markup_mode = None
        super().format_help(ctx, formatter)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"triplane {__version__}")
        raise typer.Exit


def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """One decision core for crypto trading, from research to live."""


def make_app(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The application with the commands of these names, by default all."""
    app = typer.Typer(
        name="triplane",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name in names:
        found = resolve_name(COMMANDS[name])
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name, cls=WholeNames if name == "up" else None)(found)
    return app


def main() -> None:
    """Entry point of the installed command."""
    asked = [name for name in sys.argv[1:2] if name in COMMANDS]
    make_app(asked or COMMANDS)()


if __name__ == "__main__":
    main()
