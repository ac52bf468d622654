"""The page in a real browser against a real session: it signs in, draws, shows the account, and does what it offers."""

from typing import Any

import pytest

TABS = ("trades", "performance", "why", "sessions", "settings", "decisions")


def test_a_wrong_token_is_refused_in_a_sentence_and_the_right_one_opens_the_page(browser: Any, triplane: Any) -> None:
    browser.open(triplane.address + "/", {})
    browser.fill(".signin input", "wrong")
    browser.click(".signin button")
    browser.see('.signin [role="alert"]')
    browser.fill(".signin input", triplane.url)  # the whole address that was printed will do
    browser.click(".signin button")
    browser.see(".link.live")
    assert "token" not in browser.evaluate("location.href")


def test_the_workspace_shows_a_running_session(page: Any, triplane: Any) -> None:
    shown = {}
    for tab in TABS:
        page.click(f"#tab-{tab}")
        page.wait("!document.querySelector('#dock-panel .skeleton')")
        shown[tab] = page.see("#dock-panel")
    text = page.see("body", "PAPER", "Equity", "Kill switch", "ict_blocks", triplane.session)
    assert "lost" not in text
    assert page.evaluate("document.querySelectorAll('.fault').length") == 0
    assert "cooling down" in shown["decisions"] or "Bought" in shown["decisions"]
    assert "Sharpe" in shown["performance"]
    assert triplane.session in shown["sessions"]
    assert "conditions" in shown["why"] or "would be traded" in shown["why"]
    assert page.errors() == []


def test_the_chart_follows_the_market_and_reads_older_candles(page: Any) -> None:
    before = page.textContent(".statusbar .num b")
    page.wait(f"document.querySelector('.statusbar .num b').textContent !== {before!r}")
    seen = "performance.getEntriesByType('resource').some(r => /market-rest.history.*before=/.test(r.name))"
    for _ in range(20):
        page.drag(".chart-host")
    page.wait(seen)
    page.click(".to-end")
    page.gone(".to-end")


def test_what_today_has_brought_is_what_the_server_says(page: Any, triplane: Any) -> None:
    def told() -> str:
        today = triplane.get("/trades/portfolio", session=triplane.session)["today"]
        return f"{abs(float(today['pnl'])):,.2f}"

    triplane.until(lambda: told() in page.textContent(".day"))


def test_a_position_is_shown_and_closed(page: Any, triplane: Any) -> None:
    triplane.position()
    page.see(".card.position", "Stop", "Entry")
    page.click(".card.position button")
    page.click(".dialog .danger")
    page.see(".toast", "closed at market")
    page.gone(".card.position")


EAGER = '''"""Wants to buy at every bar."""
from triplane.strategies.base import Enter, PythonStrategy


class Eager(PythonStrategy):
    name = "eager"
    timeframe = "15m"

    def on_bar(self, bar, view):
        return Enter(side=1, stop_distance=bar.close * 0.02, target_distances=(bar.close,))


STRATEGY = Eager
'''


def strategy(triplane: Any, name: str, text: str) -> None:
    """Put a strategy where sessions over the API may take one from."""
    folder = triplane.folder / "strategies"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)


def test_a_signal_waits_for_a_person_and_is_executed(page: Any, triplane: Any) -> None:
    strategy(triplane, "eager", EAGER)
    eager = triplane.post("/api/sessions/start", strategy="eager")
    assert eager["status"] in ("loading", "running")
    try:
        page.goto(f"{triplane.address}/?session={eager['id']}")
        page.see(".facts", "eager")
        page.click("#tab-settings")
        page.see(".settings", "Manual")
        page.click(".settings .modes label:nth-of-type(2)")
        page.click(".settings .primary")
        page.see(".toast.good", "Saved")
        for position in triplane.get("/trades/portfolio", session=eager["id"])["open_positions"]:
            triplane.http.post(f"/trades/close/{position['id']}")  # it may have ended by itself
        page.see(".card.signal", "BUY")
        page.click(".card.signal .primary")
        page.click(".dialog .primary")
        page.see(".card.position")
    finally:
        triplane.post(f"/api/sessions/{eager['id']}/stop")


IDLE = EAGER.replace("Eager", "Idle").replace("eager", "idle").replace("return Enter(", "return None and Enter(")


def test_the_rows_of_a_portfolio_are_shown_and_closed_each_for_itself(page: Any, triplane: Any) -> None:
    strategy(triplane, "idle", IDLE)
    sleeves = [{"strategy": "idle", "name": name, "timeframe": frame} for name, frame in
               (("quick", "3m"), ("slow", "15m"))]  # fmt: skip
    session = triplane.post("/api/sessions/start", portfolio=sleeves)["id"]

    def held() -> dict[str, str]:
        positions = triplane.get("/trades/portfolio", session=session)["open_positions"]
        return {one["sleeve"]: one["id"] for one in positions}

    try:
        for name in ("quick", "slow"):
            row = {"session": session, "symbol": f"BTCUSDT:{name}"}
            triplane.until(lambda row=row: triplane.get("/system/status", **row)["state"] == "SCANNING")
            asked = {"symbol": row["symbol"], "side": "buy", "stop_loss": 10_000.0}
            assert triplane.http.post("/trades/simulate", params={"session": session}, json=asked).status_code == 200
            triplane.until(lambda name=name: name in held())
        page.goto(f"{triplane.address}/?session={session}")
        page.see(".facts", "3m")
        page.see(".card.position", "BTC/USDT · quick")
        page.selectOption(".select.symbol select", "BTCUSDT:slow")
        page.see(".facts", "15m")
        page.see(".chart", "BTC/USDT · slow", "15m")
        page.click('.card.position:has-text("slow") button')
        page.see(".dialog", "Close BTC/USDT · slow?")
        page.click(".dialog .danger")
        page.see(".toast", "BTCUSDT:slow is closed at market")
        assert "slow" not in held()
        page.click("#tab-trades")
        page.see("#dock-panel tr", "slow", "LONG")
    finally:
        triplane.post(f"/api/sessions/{session}/stop")


def test_settings_are_checked_here_refused_by_the_server_and_saved(page: Any) -> None:
    page.click("#tab-settings")
    risk = '.setting:has-text("Risk per trade") input'
    page.fill(risk, "200")
    page.click(".settings .primary")
    page.see(".settings .error", "at most 100 %")
    page.fill(risk, "0.5")
    page.click(".settings .primary")
    page.see(".toast.good", "Saved")


def test_the_theme_is_switched_and_remembered(page: Any) -> None:
    page.click('[aria-label*="theme"]')
    chosen = page.evaluate("document.documentElement.dataset.theme")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == chosen


@pytest.mark.parametrize("view", ["Chart", "Account", "Reports"])
def test_nothing_sticks_out_of_a_phone(page: Any, view: str) -> None:
    page.setViewportSize({"width": 360, "height": 740})
    page.click(f'.phone-nav button:has-text("{view}")')
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.errors() == []


def test_the_kill_switch_tells_each_step_and_its_reason_and_resuming_needs_an_acknowledgement(
    page: Any, triplane: Any
) -> None:
    page.click(".kill")
    page.fill('.dialog input[type="text"]', "I saw something")
    page.click(".dialog .danger")
    page.see(".steps li", "done", "Engine", "The kill switch is on")
    page.click(".dialog .primary")
    page.see(".fault", "halted", "I saw something")
    page.see(".toast", "I saw something")
    assert page.evaluate("document.querySelectorAll('.toast').length") == 1
    page.see(".state", "Halted")
    page.click(".fault .button")
    assert page.isDisabled(".dialog .primary")
    page.check(".dialog input[type=checkbox]")
    page.click(".dialog .primary")
    page.gone(".fault")
    assert not triplane.get("/health")["told"]["kill_switch"]


RAISES = '''"""Raises at a bar that the check of a new file does not come to."""
from triplane.strategies.base import PythonStrategy


class Raises(PythonStrategy):
    name = "raises"
    timeframe = "1m"

    def on_bar(self, bar, view):
        if view.bar >= 800:
            raise ValueError("no such level")


STRATEGY = Raises
'''


def test_a_session_is_started_beside_the_other_and_its_strategy_raises(page: Any, triplane: Any) -> None:
    strategy(triplane, "raises", RAISES)
    page.click("#tab-sessions")
    page.click(".actions .primary")
    page.see(".start", "ict_blocks (as configured)")
    page.selectOption(".start label:nth-of-type(1) select", "raises")
    page.click(".dialog .primary")

    page.see(".fault", "strategy raised", "no such level", 'raises.py:11: raise ValueError("no such level")')
    page.see(".state", "Halted")
    page.see(".facts", "raises")
    other = page.evaluate("document.querySelector('.select.session select').value")
    assert other != triplane.session

    page.selectOption(".select.session select", triplane.session)
    page.see(".facts", "ict_blocks")
    page.see(".statusbar", triplane.session)
    page.see(".fault", "PAPER raises", other, "strategy raised")  # of the other one, and named so
    assert "Halted" not in page.textContent(".state")

    row = f'tr:has-text("{other}")'
    page.click(f'{row} button:has-text("Stop")')
    page.click(".dialog .danger")
    page.see("tr", other, "Stopped")
    page.gone(".fault")
