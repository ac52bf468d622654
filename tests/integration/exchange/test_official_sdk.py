"""Binance's own SDK trades on the box; a message that is not exactly as its models say makes it warn, and this fail."""

import asyncio
import logging

import pytest

sdk = pytest.importorskip(
    "binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures", reason="the SDK is not installed"
)
common = pytest.importorskip("binance_common.configuration", reason="the SDK is not installed")

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::pydantic.warnings.PydanticDeprecatedSince20"
)


@pytest.fixture
def rest(box):
    config = common.ConfigurationRestAPI("box-key", "box-secret", base_path=box.rest, timeout=10_000, retries=0)
    return sdk.DerivativesTradingUsdsFutures(config_rest_api=config).rest_api


@pytest.fixture(autouse=True)
def strict(caplog):
    """The SDK says in its log when an answer does not fit."""
    caplog.set_level(logging.WARNING)
    yield
    assert [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.WARNING] == []


def test_market_data(rest):
    info = rest.exchange_information().data()
    assert [s.symbol for s in info.symbols] == ["BTCUSDT", "ETHUSDT"]
    assert rest.check_server_time().data().server_time > 0
    assert len(rest.kline_candlestick_data("BTCUSDT", "1m", limit=7).data()) == 7
    assert rest.order_book("BTCUSDT", limit=5).data().bids
    assert rest.mark_price("BTCUSDT").data()
    assert rest.symbol_price_ticker("BTCUSDT").data()
    assert rest.symbol_order_book_ticker("BTCUSDT").data()
    assert rest.ticker24hr_price_change_statistics("BTCUSDT").data()
    assert rest.compressed_aggregate_trades_list("BTCUSDT").data()
    assert rest.recent_trades_list("BTCUSDT").data()
    assert rest.get_funding_rate_history("BTCUSDT").data()
    assert rest.get_funding_rate_info().data()
    assert rest.open_interest("BTCUSDT").data()


def test_the_account(rest):
    assert rest.change_initial_leverage("BTCUSDT", 8).data().leverage == 8
    assert rest.account_information_v2().data().assets[0].asset == "USDT"
    assert rest.account_information_v3().data().total_wallet_balance
    for call in (rest.futures_account_balance_v2, rest.futures_account_balance_v3, rest.futures_account_configuration,
                 rest.get_current_position_mode, rest.get_current_multi_assets_mode, rest.symbol_configuration,
                 rest.notional_and_leverage_brackets, rest.get_income_history, rest.users_force_orders,
                 rest.position_information_v2, rest.position_information_v3):  # fmt: skip
        assert call().data() is not None
    assert rest.user_commission_rate("BTCUSDT").data().maker_commission_rate == "0.0002"
    assert rest.auto_cancel_all_open_orders("BTCUSDT", 0).data().symbol == "BTCUSDT"


def test_orders(rest):
    last = float(rest.symbol_price_ticker("BTCUSDT").data().actual_instance.price)
    limit = rest.new_order(
        "BTCUSDT", "BUY", "LIMIT", time_in_force="GTC", quantity=0.01, price=round(last * 0.9, 1)
    ).data()
    assert limit.status == "NEW"
    changed = rest.modify_order("BTCUSDT", "BUY", 0.02, round(last * 0.8, 1), order_id=limit.order_id).data()
    assert changed.orig_qty == "0.020"
    assert rest.query_order("BTCUSDT", order_id=limit.order_id).data().status == "NEW"
    assert rest.query_current_open_order("BTCUSDT", order_id=limit.order_id).data().order_id == limit.order_id
    assert [o.order_id for o in rest.current_all_open_orders("BTCUSDT").data()] == [limit.order_id]
    assert rest.cancel_order("BTCUSDT", order_id=limit.order_id).data().status == "CANCELED"
    bought = rest.new_order("BTCUSDT", "BUY", "MARKET", quantity=0.01).data()
    algo = rest.new_algo_order(
        "CONDITIONAL", "BTCUSDT", "SELL", "STOP_MARKET", quantity=0.01, trigger_price=round(last * 0.9, 1),
        reduce_only="true",
    ).data()  # fmt: skip
    assert rest.query_algo_order(algo_id=algo.algo_id).data().algo_status == "NEW"
    assert len(rest.current_all_algo_open_orders().data()) == 1
    assert rest.cancel_algo_order(algo_id=algo.algo_id).data().code == "200"
    assert rest.query_all_algo_orders("BTCUSDT").data()[-1].algo_status == "CANCELED"
    rest.new_order("BTCUSDT", "SELL", "MARKET", quantity=0.01, reduce_only="true")
    assert rest.account_trade_list("BTCUSDT").data()[-2].order_id == bought.order_id
    assert rest.all_orders("BTCUSDT").data()[-1].status == "FILLED"
    assert rest.cancel_all_open_orders("BTCUSDT").data().code == 200
    assert rest.cancel_all_algo_open_orders("BTCUSDT").data().code == 200


async def test_streams(box, rest):
    config = common.ConfigurationWebSocketStreams(stream_url=f"{box.ws}/stream")
    client = sdk.DerivativesTradingUsdsFutures(config_ws_streams=config)
    connection = await client.websocket_streams.create_connection()
    received = asyncio.Queue()
    try:
        async with asyncio.timeout(40):
            for stream in (
                await connection.kline_candlestick_streams("btcusdt", "1m"),
                await connection.aggregate_trade_streams("btcusdt"),
                await connection.mark_price_stream("btcusdt"),
                await connection.individual_symbol_book_ticker_streams("btcusdt"),
                await connection.diff_book_depth_streams("btcusdt"),
                await connection.individual_symbol_ticker_streams("btcusdt"),
                await connection.individual_symbol_mini_ticker_stream("btcusdt"),
            ):
                stream.on("message", received.put_nowait)
            missing = {"Kline", "AggregateTrade", "MarkPrice", "IndividualSymbolBookTicker", "DiffBookDepth",
                       "IndividualSymbolTicker", "IndividualSymbolMiniTicker"}  # fmt: skip
            while missing:
                name = type(await received.get()).__name__
                missing = {prefix for prefix in missing if not name.startswith(prefix)}
            key = (await asyncio.to_thread(rest.start_user_data_stream)).data().listen_key
            user = await connection.user_data(key)
            events = asyncio.Queue()
            user.on("message", events.put_nowait)
            await asyncio.to_thread(box.until_it_listens)
            await asyncio.to_thread(rest.new_order, "BTCUSDT", "BUY", "MARKET", quantity=0.01)
            await asyncio.to_thread(rest.new_order, "BTCUSDT", "SELL", "MARKET", quantity=0.01)
            kinds = [type((await events.get()).actual_instance).__name__ for _ in range(8)]
            assert kinds == ["OrderTradeUpdate", "TradeLite", "AccountUpdate", "OrderTradeUpdate"] * 2
    finally:
        await connection.close_connection()
