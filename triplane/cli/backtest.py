"""``triplane backtest``: a strategy over recorded candles."""

from typing import Annotated

import typer

from triplane.cli.config import Config, described
from triplane.cli.guards import agenda
from triplane.cli.options import DATA_DIR, Data, DataDir, Market, Set, help_text, parse_list, parse_set
from triplane.cli.output import (
    Json,
    Report,
    console,
    figure,
    print_figures,
    print_funnel,
    print_table,
    progress,
    reported,
)
from triplane.cli.portfolio import portfolio, refuse_single
from triplane.data.candles import utc
from triplane.data.instruments import parse_instrument, rules_for
from triplane.data.recorded import open_recorded
from triplane.engine.portfolio import is_portfolio
from triplane.model.settings import CostSettings
from triplane.research.backtest import COSTS, backtest_costs, simulate
from triplane.research.check import check_once
from triplane.research.parameter_sets import FOLDER, regime_values

DEFAULTS = Config()
IMPACT, PARTICIPATION, LATENCY = (
    help_text(CostSettings.model_fields[name]) for name in ("impact", "participation", "latency_ms")
)
LAST = 5
SHOWN = ("exit_time", "side", "entry_price", "exit_price", "pnl", "exit_reason")


@reported
def backtest(
    strategy: Annotated[
        str, typer.Argument(help="Name of a strategy, path of a strategy file, or of a portfolio (.yaml).")
    ],
    data: Data,
    symbol: Market = None,
    timeframe: Annotated[str | None, described("timeframe")] = None,
    balance: Annotated[float, typer.Option(help="Money to start with, quote currency.")] = DEFAULTS.balance,
    quantity: Annotated[
        str | None, typer.Option(help="Fixed size in base units: research, without account limits.")
    ] = None,
    fee: Annotated[
        float | None, typer.Option(help="Maker and taker fee, fraction of the notional; by default the market's.")
    ] = None,
    slippage: Annotated[
        float | None, typer.Option(help="Fraction of the price, and then all there is of it: no impact, no cap.")
    ] = None,
    impact: Annotated[float | None, typer.Option(help=IMPACT)] = None,
    participation: Annotated[float | None, typer.Option(help=PARTICIPATION)] = None,
    latency_ms: Annotated[int | None, typer.Option(help=LATENCY)] = None,
    leverage: Annotated[float, typer.Option(help="Isolated, 1 to 125.")] = COSTS.leverage,
    instrument: Annotated[
        str | None, typer.Option(help="Trading rules, such as tick=0.1,lot=0.001,min_notional=100.")
    ] = None,
    set_: Set = None,
    regime: Annotated[str | None, described("regime")] = None,
    news: Annotated[str | None, described("news")] = None,
    news_minutes: Annotated[float, described("news_minutes")] = DEFAULTS.news_minutes,
    funding: Annotated[str | None, described("funding")] = None,
    funding_limit: Annotated[float, described("funding_limit")] = DEFAULTS.funding_limit,
    guards: Annotated[str, described("guards")] = "",
    resume_next_day: Annotated[
        bool, typer.Option("--resume-next-day", help="Go on after a daily loss at the next 00:00 UTC.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    json: Json = False,
) -> Report:
    """Run a strategy or a portfolio over recorded candles with the simulated broker."""
    costs = backtest_costs(fee, slippage, leverage, impact=impact, participation=participation, latency_ms=latency_ms)
    if is_portfolio(strategy):
        refuse_single(symbol=symbol, timeframe=timeframe, quantity=quantity, instrument=instrument, set=set_,
                      regime=regime, guards=guards)  # fmt: skip
        return portfolio(
            strategy, data, balance, costs, resume_next_day,
            lambda symbols: agenda(news, news_minutes, funding, funding_limit, symbols), quiet=json,
        )  # fmt: skip
    params = parse_set(set_ or [])
    check_once(strategy, params, progress(quiet=json))
    source = open_recorded(data, symbol)
    result = simulate(
        source.candles,
        strategy=strategy,
        symbol=source.symbol,
        timeframe=timeframe,
        params=params,
        instrument=parse_instrument(instrument, source.symbol)
        if instrument
        else rules_for(source.symbol, source.candles),
        balance=balance,
        quantity=quantity,
        costs=costs,
        progress=progress(quiet=json),
        commands=agenda(news, news_minutes, funding, funding_limit, [source.symbol]),
        guards=parse_list(guards),
        regime=regime_values(regime, data_dir / FOLDER) if regime else None,
        resume_next_day=resume_next_day,
    )
    summary = result.summary()

    def show() -> None:
        print_figures(f"{strategy} on {source.symbol}, {summary['timeframe']}", summary)
        print_figures("Costs charged", summary["costs"])
        print_funnel(summary["funnel"])
        columns = {name: result.trade_columns[name][-LAST:] for name in SHOWN}
        rows = [[utc(time), *map(figure, rest)] for time, *rest in zip(*columns.values(), strict=True)]
        if rows:
            console.print()
            print_table(f"Last {len(rows)} of {summary['trades']} trades", [n.replace("_", " ") for n in SHOWN], rows)

    return Report(summary, show)
