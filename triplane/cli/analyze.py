"""``triplane analyze``: what every detector knows about recorded candles, and a chart of it."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from triplane.cli.options import Data, Market, parse_set
from triplane.cli.output import Report, console, print_figures, print_table, reported
from triplane.data.candles import utc
from triplane.data.recorded import open_recorded
from triplane.errors import BadInput
from triplane.research import analysis as research
from triplane.research.analysis import Analysis, AnalysisParams
from triplane.research.plot import plot

NEAREST = 5
NESTED = ("symbol", "timeframe", "found", "live", "detectors")
ZONES = {"order_blocks": "order block", "breakers": "breaker", "fvgs": "fair value gap"}
SHOWN = ("side", "price_lo", "price_hi", "formed_at", "confirmed_at", "strength", "touches", "filled_percent")


def _rows(analysis: Analysis, frame: str, live: str, *names: str) -> list[dict[str, Any]]:
    """Rows of a frame that have not ended: ``live`` names the column with the bar of the end."""
    columns = analysis.columns(frame)
    chosen = columns[live] < 0
    rows = zip(*(columns[name][chosen].tolist() for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def summary(analysis: Analysis, symbol: str) -> dict[str, Any]:
    """Where price stands at the last bar, how much was found, and everything that is still alive."""
    candles, context, regime = (analysis.columns(name) for name in ("candles", "context", "regime"))
    counted = (*ZONES, "swings", "structure", "liquidity")
    probability = float(regime["probability"][-1])
    own = {name: analysis.columns(name) for name in analysis.detectors}
    return {
        "symbol": symbol,
        "timeframe": analysis.timeframe,
        "bars": len(analysis),
        "last_bar": utc(int(candles["open_time"][-1])),
        "close": float(candles["close"][-1]),
        "trend": ("down", "none", "up")[int(context["trend"][-1]) + 1],
        "regime": str(regime["regime"][-1]),
        "regime_probability": None if np.isnan(probability) else round(probability, 4),
        "volatility": str(regime["volatility"][-1]),
        "found": {name: len(analysis.columns(name)["confirmed_at"]) for name in counted},
        "live": {
            "order_blocks": _rows(analysis, "order_blocks", "invalid_at", "kind", *SHOWN),
            "breakers": _rows(analysis, "breakers", "invalid_at", *SHOWN),
            "fvgs": _rows(analysis, "fvgs", "invalid_at", *SHOWN),
            "liquidity": _rows(analysis, "liquidity", "ended_at", "kind", "side", "level", "formed_at", "confirmed_at"),
        },
        "detectors": {name: {field: rows[field][-1].item() for field in rows} for name, rows in own.items()},
    }


def _print(result: dict[str, Any]) -> None:
    """For people: the figures, and the zones nearest to the close."""
    figures = {name: value for name, value in result.items() if name not in NESTED}
    found = {f"{name} found": count for name, count in result["found"].items()}
    own = {
        f"{name}.{field}": value
        for name, row in result["detectors"].items()
        for field, value in row.items()
        if field != "open_time"
    }
    print_figures(f"{result['symbol']}, {result['timeframe']}", figures | found | own)
    close = result["close"]
    zones = [(text, zone) for name, text in ZONES.items() for zone in result["live"][name]]
    zones.sort(key=lambda pair: max(pair[1]["price_lo"] - close, close - pair[1]["price_hi"], 0.0))
    console.print()
    print_table(
        f"Nearest {min(NEAREST, len(zones))} of {len(zones)} live zones",
        ("what", "side", "prices", "strength", "touches", "known at"),
        [
            (text, z["side"], f"{z['price_lo']:.10g} – {z['price_hi']:.10g}", f"{z['strength']:.1f}", z["touches"],
             z["confirmed_at"])
            for text, z in zones[:NEAREST]
        ],
    )  # fmt: skip


def _detector_params(pairs: list[str]) -> dict[str, Any]:
    params: dict[str, Any] = parse_set(pairs)
    for name in params:
        if name not in AnalysisParams.model_fields:
            raise BadInput(
                f"--set {name} is no parameter of a detector; there is {', '.join(AnalysisParams.model_fields)}."
            )
    return params


@reported
def analyze(
    data: Data,
    symbol: Market = None,
    timeframe: Annotated[str | None, typer.Option(help="Bars to analyse. Default: the candles' own.")] = None,
    at: Annotated[int | None, typer.Option(help="What was known at the close of this bar. Default: the last.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a chart there, one file that needs no network.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Parameter of a detector, key=value.")] = None,
    detector: Annotated[
        list[str] | None, typer.Option(help="A detector of your own: a Python file or an installed name.")
    ] = None,
) -> Report:
    """Find order blocks, gaps, structure, liquidity and regime in recorded candles."""
    source = open_recorded(data, symbol)
    analysis = research.analyze(source.candles, timeframe, detectors=detector or (), **_detector_params(set_ or []))
    if at is not None:
        analysis = analysis.at(at)
    result = summary(analysis, source.symbol)
    if html is not None:
        name = f"{source.symbol} {analysis.timeframe or ''}".strip()
        result["chart"] = str(plot(analysis, html, title=f"{name} · {len(analysis):,} bars"))
    return Report(result, lambda: _print(result))
