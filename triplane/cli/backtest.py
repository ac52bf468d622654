"""``triplane backtest``: a strategy over recorded candles."""

from pathlib import Path
from typing import Annotated

import typer

from triplane.cli.guards import agenda
from triplane.cli.options import parse_set
from triplane.cli.output import Json, console, figure, one_sentence, print_figures, print_json, print_table, progress
from triplane.data.candles import utc
from triplane.data.instruments import parse_instrument
from triplane.data.recorded import open_recorded
from triplane.engine.settings import CostSettings, checked
from triplane.research.backtest import simulate
from triplane.research.parameter_sets import FOLDER, regime_values

LAST = 5
SHOWN = ("exit_time", "side", "entry_price", "exit_price", "pnl", "exit_reason")


def backtest(
    strategy: Annotated[str, typer.Argument(help="Name of a strategy, or path of a strategy file.")],
    data: Annotated[Path, typer.Option(help="Recorded candles: Parquet, CSV, zip, or a folder of them.")],
    symbol: Annotated[str | None, typer.Option(help="Which market, when the folder holds several.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="Bars to decide on. Default: the strategy's own.")] = None,
    balance: Annotated[float, typer.Option(help="Quote currency to start with.")] = 10_000.0,
    quantity: Annotated[
        str | None, typer.Option(help="Fixed size in base units: research, without account limits.")
    ] = None,
    fee: Annotated[float, typer.Option(help="Fraction of the notional.")] = 0.0004,
    slippage: Annotated[float, typer.Option(help="Fraction of the price.")] = 0.0,
    leverage: Annotated[float, typer.Option(help="Isolated, 1 to 125.")] = 1.0,
    instrument: Annotated[
        str | None, typer.Option(help="Trading rules, such as tick=0.1,lot=0.001,min_notional=100.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter of the strategy, key=value.")] = None,
    regime: Annotated[str | None, typer.Option(help="Regime model: a parameter set's name or a JSON file.")] = None,
    news: Annotated[str | None, typer.Option(help="News calendar, ICS or CSV: no entries around its events.")] = None,
    news_minutes: Annotated[float, typer.Option(help="Minutes before and after each event.")] = 30.0,
    funding: Annotated[str | None, typer.Option(help="Funding rates: no entries before dear ones.")] = None,
    funding_limit: Annotated[float, typer.Option(help="Largest funding rate that is put up with.")] = 0.0005,
    data_dir: Annotated[Path, typer.Option(help="Where parameter sets are kept.")] = Path("triplane-data"),
    json: Json = False,
) -> None:
    """Run a strategy over recorded candles with the simulated broker."""
    with one_sentence():
        source = open_recorded(data, symbol)
        costs = {"maker_fee": fee, "taker_fee": fee, "slippage": slippage, "leverage": leverage}
        result = simulate(
            source.candles,
            strategy=strategy,
            symbol=source.symbol,
            timeframe=timeframe,
            params=parse_set(set_ or []),
            instrument=parse_instrument(instrument, source.symbol) if instrument else None,
            balance=balance,
            quantity=quantity,
            costs=checked(CostSettings, dict(costs), "The backtest's costs"),
            progress=progress(quiet=json),
            commands=agenda(news, news_minutes, funding, funding_limit),
            regime=regime_values(regime, data_dir / FOLDER) if regime else None,
        )
        if json:
            print_json(result.summary())
            return
        summary = result.summary()
        print_figures(f"{strategy} on {source.symbol}, {summary['timeframe']}", summary)
        columns = {name: result.trade_columns[name][-LAST:] for name in SHOWN}
        rows = [[utc(time), *map(figure, rest)] for time, *rest in zip(*columns.values(), strict=True)]
        if rows:
            console.print()
            print_table(f"Last {len(rows)} of {summary['trades']} trades", [n.replace("_", " ") for n in SHOWN], rows)
