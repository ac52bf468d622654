"""``triplane regime``: fit the regime model on recorded candles, and manage its versions."""

from typing import Annotated, Any

import typer

from triplane.cli.options import DATA_DIR, Data, DataDir, Market
from triplane.cli.output import Json, Report, console, one_sentence, print_table, progress, reported
from triplane.data.candles import Candles, timeframe_name, utc
from triplane.data.recorded import open_recorded
from triplane.kernel.codes import Regime
from triplane.research.parameter_sets import FOLDER, REGIME_KIND, ParameterSets
from triplane.research.regime import FitSettings, bars_of, data_hash, filter_regime, fit_regime

app = typer.Typer(help="Fit the regime model and manage its versions.", no_args_is_help=True)

Name = Annotated[str, typer.Option(help="Name of the parameter set.")]


def _out_of_sample(bars: Candles, values: dict[str, Any]) -> dict[str, float]:
    """Share of each regime among the bars on which a model was in use."""
    names = filter_regime(bars, values).names
    known = names[names >= 0]
    return {name: float((known == j).mean()) if len(known) else 0.0 for j, name in enumerate(Regime.labels)}


def _table(title: str, fit: dict[str, Any]) -> None:
    rows = [
        (
            s["name"],
            f"{s['share']:.1%}",
            f"{s['expected_bars']:.1f}",
            f"{s['mean_return']:+.5%}",
            f"{s['volatility']:.4%}",
            f"{s['volume_z']:+.2f}",
        )
        for s in fit["states"]
    ]
    print_table(title, ("regime", "share", "bars in a row", "mean return", "volatility", "volume z"), rows)


@app.command()
@reported
def fit(
    data: Data,
    name: Name,
    timeframe: Annotated[str | None, typer.Option(help="Bars to fit on. Default: the candles' own.")] = None,
    symbol: Market = None,
    states: Annotated[int, typer.Option(help="Number of regimes, 3 or 4.")] = 4,
    train: Annotated[int, typer.Option(help="Bars of a training window; 0 = all.")] = 4000,
    step: Annotated[int, typer.Option(help="Bars from one refit to the next; 0 = one fit on the last window.")] = 1000,
    dwell: Annotated[int, typer.Option(help="Bars for which a new regime must last before it is reported.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the random starts.")] = 1,
    note: Annotated[str, typer.Option(help="A note for the list of versions.")] = "",
    activate: Annotated[bool, typer.Option(help="Make the new version the active one.")] = True,
    data_dir: DataDir = DATA_DIR,
    json: Json = False,
) -> Report:
    """Fit the regime model walk-forward and store it as a new version of a parameter set.

    Each fit sees only its own training window, and is used from the end of that window on.
    """
    source = open_recorded(data, symbol)
    bars = bars_of(source.candles, timeframe)
    settings = FitSettings(n_states=states, train=train, step=step, min_dwell=dwell, seed=seed)
    values = fit_regime(bars, settings, progress(quiet=json))
    fits = values["fits"]
    sets = ParameterSets(data_dir / FOLDER)
    made = sets.create(
        REGIME_KIND,
        name,
        values,
        data_sha256=data_hash(bars),
        train_from=fits[0]["train_from"],
        train_to=fits[-1]["train_to"],
        note=note or f"{source.symbol} {timeframe_name(values['interval_ms'])}",
    )
    if activate:
        made = sets.activate(REGIME_KIND, name, made.version)
    shares = _out_of_sample(bars, values)

    def show() -> None:
        last = fits[-1]
        title = f"{name} version {made.version}: fit {len(fits)} of {len(fits)}, "
        _table(title + f"{utc(last['train_from'])} to {utc(last['train_to'])}, {last['bars']} bars", last)
        console.print(f"Usable from {utc(fits[0]['valid_from'])} on. Since then, by the forward filter:")
        console.print(", ".join(f"{regime} {share:.1%}" for regime, share in shares.items()), highlight=False)
        console.print(f"{'Active' if made.active else 'Not active'}; stored in {sets.folder}", highlight=False)

    return Report({**made.summary(), "fits": fits, "out_of_sample_share": shares}, show)


@app.command("list")
@reported
def list_(data_dir: DataDir = DATA_DIR) -> Report:
    """Show every version of every fitted model."""
    found = [s.summary() for s in ParameterSets(data_dir / FOLDER).list(REGIME_KIND)]
    rows = [
        (s["name"], s["version"], "yes" if s["active"] else "", utc(s["train_from"]), utc(s["train_to"]), s["note"])
        for s in found
    ]
    columns = ("name", "version", "active", "trained from", "to", "note")
    return Report(found, lambda: print_table("Regime models", columns, rows))


@app.command()
@reported
def diff(
    name: Annotated[str, typer.Argument(help="Name of the parameter set.")],
    old: Annotated[int, typer.Argument(help="Version.")],
    new: Annotated[int, typer.Argument(help="Version.")],
    data_dir: DataDir = DATA_DIR,
) -> Report:
    """Show what changed from one version to another."""
    changes = ParameterSets(data_dir / FOLDER).diff(REGIME_KIND, name, old, new)
    rows = [(path, a, b) for path, (a, b) in changes.items()]
    return Report(
        {path: {"old": a, "new": b} for path, a, b in rows},
        lambda: print_table(f"{name}: version {old} to {new}", ("value", "old", "new"), rows),
    )


@app.command()
def activate(
    name: Annotated[str, typer.Argument(help="Name of the parameter set.")],
    version: Annotated[int, typer.Argument(help="Version to make active.")],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Make a version the active one."""
    with one_sentence():
        made = ParameterSets(data_dir / FOLDER).activate(REGIME_KIND, name, version)
        console.print(f"Version {made.version} of {name} is active.")


@app.command("roll-back")
def roll_back(
    name: Annotated[str, typer.Argument(help="Name of the parameter set.")], data_dir: DataDir = DATA_DIR
) -> None:
    """Make the version active again that was before the active one."""
    with one_sentence():
        made = ParameterSets(data_dir / FOLDER).roll_back(REGIME_KIND, name)
        console.print(f"Version {made.version} of {name} is active again.")
