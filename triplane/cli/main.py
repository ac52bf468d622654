"""The ``triplane`` command.

Only the module of the command that was asked for is imported, so that small commands answer at once.
"""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand

from triplane.version import __version__

COMMANDS: Final = {
    "up": "triplane.cli.up",
    "backtest": "triplane.cli.backtest",
    "analyze": "triplane.cli.analyze",
    "verify": "triplane.cli.sessions",
    "sessions": "triplane.cli.sessions",
    "start": "triplane.cli.sessions",
    "stop": "triplane.cli.sessions",
    "strategies": "triplane.cli.strategies",
    "exchange": "triplane.cli.exchange",
    "parity": "triplane.cli.parity",
    "router": "triplane.cli.router",
}
"""Each command and the module whose function of that name it is."""
GROUPS: Final = {
    "regime": "triplane.cli.regime",
    "config": "triplane.cli.config",
    "alerts": "triplane.cli.alerts",
    "db": "triplane.cli.db",
}
"""Each group of commands and the module whose ``app`` it is."""


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


def make_app(names: Iterable[str] = (*COMMANDS, *GROUPS)) -> typer.Typer:
    """The application with the commands of these names, by default all."""
    app = typer.Typer(
        name="triplane",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name in names:
        if name in COMMANDS:
            app.command(name, cls=WholeNames if name == "up" else None)(getattr(import_module(COMMANDS[name]), name))
        else:
            app.add_typer(import_module(GROUPS[name]).app, name=name)
    return app


def main() -> None:
    """Entry point of the installed command."""
    asked = [name for name in sys.argv[1:2] if name in COMMANDS or name in GROUPS]
    make_app(asked or (*COMMANDS, *GROUPS))()


if __name__ == "__main__":
    main()
