"""The decision engine: agents that behave as they do alone, and decisions that follow from their raw signals."""

from typing import Any

import numpy as np
import pytest

from triplane.errors import BadInput
from triplane.kernel.calendar import in_window, minute_of_day
from triplane.kernel.codes import Check, OrderType, RowKind
from triplane.kernel.rows import of_kind
from triplane.strategies.confluence import AGENTS, LEADER, N_AGENTS, OFFSETS, STATE, STOP_CUT, STRATEGY
from triplane.strategies.registry import find

NAMES = [spec.name for spec in AGENTS.values()]
WATCH = ["raw", "scores", "held", "trend.regime.name", "retest.atr.value"]
LIVELY = {"trend_need_all": 0, "trend_min_confidence": 0.5, "smc_min_score": 0.5, "ict_gap": 1}
LOOSE = {"threshold": 0.5, **LIVELY}


@pytest.fixture(scope="module")
def loose(listen: Any, generated: Any) -> Any:
    return listen("confluence", generated, WATCH, **LOOSE)


def expected(
    raw: Any, atr: Any, close: Any, *, threshold: float = 0.5, conflict: float = 1.0, memory: int = 3, few: int = 1
) -> dict[int, tuple[int, int, float, float, bool]]:
    """Bar → (side, leader, score, stop, cut) from the raw signals, by the rule written down plainly."""
    last: dict[int, tuple[int, int, float]] = {}
    decisions = {}
    for i, signals in enumerate(raw):
        for k in range(N_AGENTS):
            if signals[k]["action"] == 1:
                last[k] = (i, int(signals[k]["side"]), float(signals[k]["confidence"]))
        sides = []
        for side in (1, -1):
            heard = {k: v for k, v in last.items() if i - v[0] <= memory}
            agree = [v[2] for v in heard.values() if v[1] == side]
            against = [v[2] for v in heard.values() if v[1] != side]
            score = sum(agree) - conflict * sum(against)
            fresh = [k for k in heard if heard[k][0] == i and heard[k][1] == side]
            if fresh and len(agree) >= few and score >= threshold:
                sides.append((score, side, max(fresh, key=lambda k: (heard[k][2], -k))))
        if sides:
            score, side, leader = max(sides, key=lambda s: (s[0], s[1]))
            plan = signals[leader]
            entry = plan["entry"] if plan["entry_type"] != OrderType.MARKET else close[i]
            cut = (entry - plan["stop"]) * side > 4.0 * atr[i]
            stop = entry - side * 4.0 * atr[i] if cut else plan["stop"]
            decisions[i] = (side, leader, min(score, 1.0), float(stop), bool(cut))
    return decisions


@pytest.mark.parametrize("agent", list(AGENTS))
def test_each_agent_says_what_it_says_alone(agent: str, loose: Any, listen: Any, generated: Any) -> None:
    own = {k.removeprefix(f"{agent}_"): v for k, v in LIVELY.items() if k.startswith(f"{agent}_")}

    alone = listen(AGENTS[agent].name, generated, **own)

    raw = loose.others["raw"][:, list(AGENTS).index(agent)]
    assert raw.tobytes() == alone.signals.tobytes()
    assert len(alone.entries) > 3


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"threshold": 1.0},
        {"memory": 0, "few": 2},
        {"memory": 20, "conflict": 0.0, "few": 2},
        {"memory": 20, "conflict": 3.0},
    ],
)
def test_decisions_follow_from_the_raw_signals(rule: dict[str, Any], loose: Any, listen: Any, generated: Any) -> None:
    params = {"min_agents" if k == "few" else k: v for k, v in rule.items()}
    atr, close = loose.others["retest.atr.value"], generated["close"]

    heard = listen("confluence", generated, **{**LOOSE, **params})

    wanted = expected(loose.others["raw"], atr, close, **rule)
    assert heard.entries == sorted(wanted)
    assert len(wanted) > 3
    for i, (side, leader, score, stop, cut) in wanted.items():
        signal, plan = heard.signals[i], loose.others["raw"][i, leader]
        assert signal["side"] == side
        assert signal["confidence"] == pytest.approx(score)
        assert signal["stop"] == pytest.approx(stop)
        for name in ("entry_type", "entry", "ttl_bars"):
            assert signal[name] == plan[name]
        for name in ("targets", "target_distances", "fractions"):
            assert signal[name].tolist() == plan[name].tolist()
        assert signal["reasons"] >> LEADER & 15 == 1 << leader
        assert signal["reasons"] >> leader & 1
        assert bool(signal["reasons"] >> STOP_CUT & 1) == cut
        assert signal["reasons"] >> int(OFFSETS[leader]) & int(plan["reasons"]) == plan["reasons"]


def test_a_wide_stop_is_moved_to_the_widest_allowed(listen: Any, generated: Any) -> None:
    heard = listen("confluence", generated, ["retest.atr.value"], max_stop_atr=1.0, **LOOSE)
    atr = heard.others["retest.atr.value"]

    cuts = 0
    for i in heard.entries:
        signal = heard.signals[i]
        entry = signal["entry"] if signal["entry_type"] != OrderType.MARKET else generated["close"][i]
        assert abs(entry - signal["stop"]) <= atr[i] * (1 + 1e-9)
        cuts += signal["reasons"] >> STOP_CUT & 1
    assert cuts > 3


def test_an_agent_without_weight_is_not_heard(listen: Any, generated: Any) -> None:
    weights = {f"w_{agent}": float(agent == "smc") for agent in AGENTS}

    heard = listen("confluence", generated, **weights, **{**LOOSE, "threshold": 0.0})

    alone = listen("smc_heuristic", generated, min_score=0.5)
    assert heard.entries == alone.entries


def test_gates_hold_back_and_say_which(loose: Any, listen: Any, generated: Any) -> None:
    gated = listen("confluence", generated, [*WATCH, "trend.regime.belief"], regime_gate=1, zone_london=1, **LOOSE)
    belief = gated.others["trend.regime.belief"][:, :2].sum(axis=1)
    trending = np.isin(gated.others["trend.regime.name"], (0, 1)) & (belief >= 0.5)
    open_ = np.array([in_window(minute_of_day(int(t)), 420, 600) for t in generated["open_time"]])

    for i in loose.entries:
        check = Check.labels[gated.others["held"][i]]
        assert check == ("regime" if not trending[i] else "ok" if open_[i] else "kill_zone")
        assert (i in gated.entries) == (check == "ok")
    assert set(gated.entries) <= set(loose.entries)
    assert len({Check.labels[c] for c in gated.others["held"]}) == 3


def test_only_an_agent_that_agreed_closes(start: Any, run: Any, generated: Any) -> None:
    params = {**LOOSE, **{f"{a}_{t}_r": 30 + n for a in AGENTS for n, t in enumerate(("tp1", "tp2", "tp3"))}}
    account, states = start("confluence", max_stop_atr=100.0, **params)
    rows = run("confluence", generated, account, states, 0, len(generated))
    signals = of_kind(rows, RowKind.SIGNAL)
    opened = {int(r["decision"]): int(r["reasons"]) for r in signals[signals["closing"] == 0]}
    closes = signals[signals["closing"] == 1]

    assert len(closes) > 0
    for row in closes:
        by = int(row["reasons"]) >> LEADER & 15
        assert by & opened[int(row["decision"])] == by != 0


def test_the_sentences_fit_the_bits() -> None:
    assert len(STRATEGY.reasons) == OFFSETS[-1] + len(AGENTS["ict"].reasons) <= 62
    for k, spec in enumerate(AGENTS.values()):
        assert STRATEGY.reasons[OFFSETS[k]].endswith(spec.reasons[0])
    assert set(STRATEGY.agents) == set(NAMES)
    assert STATE["raw"].shape == (N_AGENTS,)


def test_parameters_of_agents_are_checked_in_their_words() -> None:
    resolved = find("confluence").resolve({"ict_min_strength": 2})

    assert resolved["ict_min_strength"] == 2.0
    with pytest.raises(BadInput, match=r"\(ict_blocks\) tp1_r, tp2_r and tp3_r must rise"):
        find("confluence").resolve({"ict_tp1_r": 5})
    with pytest.raises(BadInput, match="Parameter retest_min_score of strategy confluence is 2"):
        find("confluence").resolve({"retest_min_score": 2})
