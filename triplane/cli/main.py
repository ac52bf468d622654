"""The ``triplane`` command."""

import typer

from triplane.cli import config
from triplane.cli.backtest import backtest
from triplane.cli.sessions import sessions, verify
from triplane.cli.strategies import strategies
from triplane.cli.up import up
from triplane.version import __version__

app = typer.Typer(
    name="triplane",
    help="One decision core for crypto trading, from research to live.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (up, backtest, verify, sessions, strategies):
    app.command()(command)
app.add_typer(config.app, name="config")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"triplane {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """One decision core for crypto trading, from research to live."""


def main() -> None:
    """Entry point of the installed command."""
    app()


if __name__ == "__main__":
    main()
