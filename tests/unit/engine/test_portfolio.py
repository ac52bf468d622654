import numpy as np
import pytest

from triplane.data.instruments import Instrument
from triplane.engine.portfolio import FanOut, Sleeve, all_symbols, check_portfolio, load_portfolio, rows_of, sleeves_of
from triplane.errors import BadInput
from triplane.kernel.records import CANDLE
from triplane.model.settings import SleeveSettings

MINUTE = 60_000
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def settings(strategy="ema_cross", **changes):
    return SleeveSettings(strategy=strategy, **changes)


def fan_out(*sleeves):
    instruments = [Instrument.research(symbol) for symbol in SYMBOLS]
    rows = rows_of(
        [Sleeve("ema_cross", {}, symbols, MINUTE, f"s{i}") for i, symbols in enumerate(sleeves)], instruments
    )
    return rows, FanOut(rows, len(instruments))


def candles(*times):
    made = np.zeros(len(times), CANDLE)
    made["open_time"] = times
    made["close"] = np.arange(1, len(times) + 1)
    return made


def test_rows_come_sleeve_after_sleeve_and_are_called_by_symbol_and_sleeve():
    rows, _ = fan_out(("BTCUSDT", "SOLUSDT"), ("BTCUSDT",))
    assert [(row.name, row.market) for row in rows] == [("BTCUSDT:s0", 0), ("SOLUSDT:s0", 2), ("BTCUSDT:s1", 0)]


def test_a_candle_goes_to_every_row_of_its_market_in_the_order_of_time_and_row():
    _, fan = fan_out(("BTCUSDT", "SOLUSDT"), ("BTCUSDT",))
    which, given = fan(np.array([2, 0, 1, 0]), candles(0, 0, 0, MINUTE))
    assert which.tolist() == [0, 1, 2, 0, 2]
    assert given["close"].tolist() == [2, 1, 2, 4, 4]
    assert given["open_time"].tolist() == [0, 0, 0, MINUTE, MINUTE]


def test_where_each_market_has_one_row_nothing_is_copied():
    _, fan = fan_out(SYMBOLS)
    which, given = np.array([0, 2]), candles(0, 0)
    assert fan(which, given)[0] is which
    assert fan(which, given)[1] is given


def test_sleeves_take_all_markets_their_own_timeframe_and_a_name_each():
    found = sleeves_of(
        [settings(), settings(params={"fast": 5}), settings("retest_analyzer", symbols=["ethusdt"], name="late")],
        SYMBOLS, MINUTE, "5m",
    )  # fmt: skip
    assert [(one.name, one.symbols) for one in found] == [
        ("ema_cross", SYMBOLS), ("ema_cross-2", SYMBOLS), ("late", ("ETHUSDT",)),
    ]  # fmt: skip
    assert {one.timeframe_ms for one in found} == {5 * MINUTE}
    assert found[1].params["fast"] == 5
    assert found[0].params != found[1].params


def test_a_single_sleeve_needs_no_name():
    assert [one.name for one in sleeves_of([settings()], SYMBOLS, MINUTE)] == [""]


@pytest.mark.parametrize(
    ("portfolio", "sentence"),
    [
        ([settings(name="a"), settings(name="a")], "name is a in two sleeves"),
        ([settings(symbols=["XRPUSDT"])], "symbols of ema_cross name XRPUSDT; there are BTCUSDT, ETHUSDT, SOLUSDT"),
        ([settings(symbols=["BTCUSDT", "BTCUSDT"])], "each may be given once"),
        ([settings("nothing")], "Unknown strategy nothing"),
        ([settings(params={"fats": 3})], "has no parameter fats"),
        ([settings(timeframe="7s")], "timeframe"),
    ],
)
def test_what_cannot_be_traded_is_refused_in_a_sentence(portfolio, sentence):
    with pytest.raises(BadInput, match=sentence):
        sleeves_of(portfolio, SYMBOLS, MINUTE)


def test_an_automatic_name_gives_way_to_one_that_was_typed():
    found = sleeves_of([settings(), settings(), settings(name="ema_cross-2")], SYMBOLS, MINUTE)
    assert [one.name for one in found] == ["ema_cross", "ema_cross-3", "ema_cross-2"]


def test_the_markets_of_a_portfolio():
    some, every = settings(symbols=["BTCUSDT", "ETHUSDT"]), settings()
    assert all_symbols([some, settings(symbols=["SOLUSDT", "BTCUSDT"])], []) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert all_symbols([some, every], []) == []
    assert all_symbols([some, every], ["XRPUSDT"]) == ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    with pytest.raises(BadInput, match="symbols are XRPUSDT; leave them out"):
        all_symbols([some, some], ["XRPUSDT"])


@pytest.mark.parametrize(
    ("portfolio", "sentence"),
    [
        ([settings(timeframe="9q"), settings()], "timeframe of ema_cross is 9q; it must be one of 1m"),
        ([settings(name="a"), settings(name="a")], "name is a in two sleeves"),
        ([settings("nothing")], "Unknown strategy nothing"),
        ([settings(params={"fats": 3})], "has no parameter fats"),
    ],
)
def test_a_portfolio_is_checked_before_there_is_a_market(portfolio, sentence):
    with pytest.raises(BadInput, match=sentence):
        check_portfolio(portfolio)


def test_a_strategy_file_lies_beside_its_portfolio_and_gives_it_a_plain_name(tmp_path):
    (tmp_path / "my best, so far.py").write_text("")
    (tmp_path / "p.yaml").write_text("- {strategy: 'my best, so far.py'}\n- {strategy: ema_cross}\n")
    mine, other = load_portfolio(tmp_path / "p.yaml")
    assert (mine.strategy, other.strategy) == (str(tmp_path / "my best, so far.py"), "ema_cross")


def test_a_portfolio_is_a_list_alone_or_under_its_name(tmp_path):
    path = tmp_path / "p.yaml"
    for begin in ("", "portfolio:\n"):
        path.write_text(f"{begin}- strategy: ema_cross\n  symbols: [btcusdt]\n- {{strategy: ict_blocks, name: x}}\n")
        assert load_portfolio(path) == [settings(symbols=["BTCUSDT"]), settings("ict_blocks", name="x")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be a list of sleeves"),
        ("portfolio: []", "must be a list of sleeves"),
        ("a: [", "is not valid YAML"),
        ("- ema_cross", "number 1 is 'ema_cross'; it must hold names and values"),
        ("- strategy: ema_cross\n- symbols: [BTCUSDT]", "number 2: strategy is missing"),
        ("- {strategy: ema_cross, params: {fast: true}}", "number 1: params.*must be a number"),
        ("- {strategy: ema_cross, leverage: 3}", "number 1: .*leverage"),
        ("- {strategy: ema_cross, name: 'a b'}", "number 1: name"),
    ],
)
def test_a_bad_file_names_the_place(tmp_path, text, sentence):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=sentence):
        load_portfolio(path)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_portfolio(tmp_path / "no.yaml")
