"""The decision engine: several agents look at the same bar, and at most one decision comes of it.

Each agent (``retest_analyzer``, ``smc_heuristic``, ``regime_trend``, ``ict_blocks``) is the strategy of that name with
its whole own state. It sees the same bars and the same view as if it were alone, and writes its own raw signal
(``s.raw``); nothing is shared, so it behaves as it does alone.

**Combination.** A raw signal counts on its bar and for ``memory`` bars after it. For each side:

    score = sum(weight x confidence of the agents for it) - conflict x sum(weight x confidence of those against it)

There is a decision when the score reaches ``threshold``, at least ``min_agents`` agree, and one of them spoke on this
very bar. The plan (entry, stop, target ladder, time to live) is that of the *leader*: of the agents that spoke on this
bar, the one with the largest weight x confidence. Its stop is never wider than ``max_stop_atr`` ATRs from the entry; a
wider one is moved there, the targets stay. When both sides qualify, the higher score wins, and long if they are equal.

**Gates.** With ``regime_gate`` 1 the regime must be one that ``regime_trend`` lets through; with a kill zone switched
on, the bar must open in one that is. What a gate holds back is not a signal; ``s.held`` says which check it was.

**Exits.** A raw CLOSE counts when the agent was one of those that agreed on the open position.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from triplane.kernel.calendar import DEFAULT_ZONES, KILL_ZONES, ZONES, kill_zone
from triplane.kernel.codes import Action, Check, OrderType
from triplane.kernel.records import NO_SIGNAL, SIGNAL
from triplane.kernel.regime import shown_belief
from triplane.strategies import (
    CLOSE,
    ENTER,
    Param,
    Rec,
    Strategy,
    ict_blocks,
    njit,
    regime_trend,
    retest_analyzer,
    smc_heuristic,
    state,
)
from triplane.strategies.base import Number
from triplane.strategies.kit import copy_signal, show

AGENTS = {
    "retest": retest_analyzer.STRATEGY,
    "smc": smc_heuristic.STRATEGY,
    "trend": regime_trend.STRATEGY,
    "ict": ict_blocks.STRATEGY,
}
"""The agents by the prefix of their parameters, in the order of ``s.raw``."""
N_AGENTS = len(AGENTS)
_TITLES = ("Retest analyser", "SMC heuristic", "Regime trend", "ICT blocks")

PARAMS = (
    Param("threshold", 0.75, 0.0, 10.0, "score that makes a decision"),
    Param("min_agents", 1, 1, N_AGENTS, "agents that must agree"),
    Param("conflict", 1.0, 0.0, 10.0, "how much agents on the other side subtract"),
    Param("memory", 3, 0, 100, "bars for which a raw signal still counts"),
    Param("max_stop_atr", 4.0, 0.5, 100.0, "widest stop, in ATRs"),
    Param("regime_gate", 0, 0, 1, "1: no decisions outside trending regimes"),
    *(Param(f"zone_{zone}", 0, 0, 1, f"1: decisions in the kill zone {zone}") for zone in ZONES),
    *(
        Param(f"{zone}_{edge}", minute, 0, 1440, f"{edge} of that zone, minutes since 00:00 UTC")
        for zone, minutes in zip(ZONES, DEFAULT_ZONES, strict=True)
        for edge, minute in zip(("opens", "closes"), minutes, strict=True)
    ),
    *(Param(f"w_{agent}", 1.0, 0.0, 10.0, f"weight of {spec.name}") for agent, spec in AGENTS.items()),
    *(
        replace(p, name=f"{agent}_{p.name}", text=f"{spec.name}: {p.text}")
        for agent, spec in AGENTS.items()
        for p in spec.params
    ),
)

STATE = state(
    PARAMS,
    ("weights", "f8", (N_AGENTS,)),
    ("raw", SIGNAL, (N_AGENTS,)),  # what each agent says on this bar
    ("said_at", "i8", (N_AGENTS,)),  # bar, side and confidence of each agent's last raw entry
    ("said_side", "i8", (N_AGENTS,)),
    ("said", "f8", (N_AGENTS,)),
    ("scores", "f8", (2,)),  # of this bar: long, short
    ("opened_by", "i8"),  # bits of the agents that agreed on the last decision
    ("held", "i8"),  # Check: the gate that held a decision back on this bar
    ("zones", KILL_ZONES),
    *((agent, spec.state) for agent, spec in AGENTS.items()),
)

retest_init, retest_step = retest_analyzer.init, retest_analyzer.step
smc_init, smc_step = smc_heuristic.init, smc_heuristic.step
trend_init, trend_step, trend_lets_through = regime_trend.init, regime_trend.step, regime_trend.is_let_through
ict_init, ict_step = ict_blocks.init, ict_blocks.step

LONG_AGO = -1_000_000


Saw = namedtuple("Saw", "score_long score_short retest smc trend ict regime regime_confidence")
"""What it decided on."""

# bits of the reasons: agents for, agents against, leader, then these, then the reasons of each agent
AGAINST, LEADER = N_AGENTS, 2 * N_AGENTS
STOP_CUT, IN_REGIME, IN_ZONE = range(3 * N_AGENTS, 3 * N_AGENTS + 3)
_OWN = 3 * N_AGENTS + 3
OFFSETS = np.array([_OWN + sum(len(a.reasons) for a in list(AGENTS.values())[:k]) for k in range(N_AGENTS)])
"""Where each agent's own reasons begin."""


@njit
def init(s: Rec) -> None:
    """Prepare the agents; weights, kill zones, and the agents' own parameters and models are in place."""
    for k in range(N_AGENTS):
        s.said_at[k] = LONG_AGO
    s.opened_by = 0
    s.held = Check.OK
    retest_init(s.retest)
    smc_init(s.smc)
    trend_init(s.trend)
    ict_init(s.ict)


@njit
def _ask(s: Rec, bar: Rec, view: Rec) -> None:
    """Let each agent write its raw signal, and remember who wanted in."""
    for k in range(N_AGENTS):
        if s.raw[k].action != Action.NOTHING:
            s.raw[k] = NO_SIGNAL[0]
    retest_step(s.retest, bar, view, s.raw[0])
    smc_step(s.smc, bar, view, s.raw[1])
    trend_step(s.trend, bar, view, s.raw[2])
    ict_step(s.ict, bar, view, s.raw[3])
    for k in range(N_AGENTS):
        if s.raw[k].action == ENTER:
            s.said_at[k] = view.bar
            s.said_side[k] = s.raw[k].side
            s.said[k] = s.raw[k].confidence


@njit
def _voices(s: Rec, side: int, i: int) -> int:
    """Write the score of ``side``; returns the bits of the agents for it and (from ``AGAINST`` on) against it."""
    score = 0.0
    bits = 0
    for k in range(N_AGENTS):
        voice = s.weights[k] * s.said[k]
        if voice > 0.0 and i - s.said_at[k] <= s.p.memory:
            if s.said_side[k] == side:
                score += voice
                bits |= 1 << k
            else:
                score -= s.p.conflict * voice
                bits |= 1 << (AGAINST + k)
    s.scores[0 if side > 0 else 1] = score
    return bits


@njit
def _leader(s: Rec, side: int) -> int:
    """The strongest agent that wants in on this bar, or -1."""
    leader = -1
    best = 0.0
    for k in range(N_AGENTS):
        voice = s.weights[k] * s.raw[k].confidence
        if s.raw[k].action == ENTER and s.raw[k].side == side and voice > best:
            best = voice
            leader = k
    return leader


@njit
def _agree(bits: int) -> int:
    """How many agents are for it."""
    count = 0
    for k in range(N_AGENTS):
        count += (bits >> k) & 1
    return count


@njit
def _gate(s: Rec, bar: Rec) -> int:
    """The first closed gate, as a check, or ``Check.OK``."""
    if s.p.regime_gate and not trend_lets_through(s.trend):
        return Check.REGIME
    if (s.zones.on[0] or s.zones.on[1] or s.zones.on[2]) and kill_zone(s.zones, bar.open_time) < 0:
        return Check.KILL_ZONE
    return Check.OK


@njit
def _voice(raw: Rec) -> float:
    """Confidence of an agent that wants in on this bar, with its side."""
    return raw.side * raw.confidence if raw.action == ENTER else 0.0


@njit
def _look(s: Rec, signal: Rec) -> None:
    """Write what was weighed into the signal."""
    regime = s.trend.regime
    known = shown_belief(regime)
    retest, smc, trend, ict = _voice(s.raw[0]), _voice(s.raw[1]), _voice(s.raw[2]), _voice(s.raw[3])
    show(signal, Saw(s.scores[0], s.scores[1], retest, smc, trend, ict, float(regime.name), known))


@njit
def _decide(s: Rec, leader: int, bits: int, bar: Rec, signal: Rec) -> None:
    """Make the leader's plan the decision."""
    raw = s.raw[leader]
    side = raw.side
    copy_signal(signal, raw)
    entry = raw.entry if raw.entry_type != OrderType.MARKET and raw.entry > 0.0 else bar.close
    widest = s.p.max_stop_atr * s.retest.atr.value
    distance = (entry - raw.stop) * side if raw.stop > 0.0 else raw.stop_distance
    if distance > widest:
        signal.stop = entry - side * widest
        bits |= 1 << STOP_CUT
    signal.confidence = min(s.scores[0 if side > 0 else 1], 1.0)
    s.opened_by = bits & ((1 << N_AGENTS) - 1)
    bits |= 1 << (LEADER + leader)
    bits |= trend_lets_through(s.trend) << IN_REGIME
    bits |= (kill_zone(s.zones, bar.open_time) >= 0) << IN_ZONE
    for k in range(N_AGENTS):
        if s.raw[k].action == ENTER and s.raw[k].side == side:
            bits |= s.raw[k].reasons << OFFSETS[k]
    signal.reasons = bits
    _look(s, signal)


@njit
def _leave(s: Rec, signal: Rec) -> None:
    """Close the position when an agent that agreed on it says so."""
    for k in range(N_AGENTS):
        if s.raw[k].action == CLOSE and (s.opened_by >> k) & 1:
            signal.action = CLOSE
            signal.reasons |= (1 << (LEADER + k)) | (s.raw[k].reasons << OFFSETS[k])
            _look(s, signal)


@njit
def step(s: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """Ask the agents, weigh what they say, and decide."""
    i = view.bar
    _ask(s, bar, view)
    s.held = Check.OK
    if view.side != 0:
        _leave(s, signal)
        return
    best = 0
    leader = -1
    chosen = 0
    for side in (1, -1):
        bits = _voices(s, side, i)
        candidate = _leader(s, side)
        score = s.scores[0 if side > 0 else 1]
        if candidate < 0 or score < s.p.threshold or _agree(bits) < s.p.min_agents:
            continue
        if best == 0 or score > s.scores[0]:
            best = side
            leader = candidate
            chosen = bits
    if best == 0 or view.pending:
        return
    s.held = _gate(s, bar)
    if s.held == Check.OK:
        _decide(s, leader, chosen, bar, signal)


def prepare(states: Any, params: Mapping[str, Number], timeframe_ms: int, data: Mapping[str, Any]) -> None:
    """Put the weights and the kill zones in place, and give each agent its parameters and its data."""
    for k, zone in enumerate(ZONES):
        states["zones"]["on"][:, k] = params[f"zone_{zone}"]
        for edge in ("opens", "closes"):
            states["zones"][edge][:, k] = params[f"{zone}_{edge}"]
    for k, (agent, spec) in enumerate(AGENTS.items()):
        states["weights"][:, k] = params[f"w_{agent}"]
        own = {p.name: params[f"{agent}_{p.name}"] for p in spec.params}
        for name, value in own.items():
            states[agent]["p"][name] = value
        if spec.prepare is not None:
            spec.prepare(states[agent], own, timeframe_ms, data)


def _check(p: Mapping[str, Number]) -> str | None:
    """The conditions of each agent, in its own words."""
    for agent, spec in AGENTS.items():
        problem = spec.check({q.name: p[f"{agent}_{q.name}"] for q in spec.params})
        if problem:
            return f"({spec.name}) {problem}"
    return None


def _longest(spec: Strategy, agent: str) -> Callable[[Mapping[str, Number]], int]:
    return lambda p: spec.warmup({q.name: p[f"{agent}_{q.name}"] for q in spec.params})


STRATEGY = Strategy(
    name="confluence",
    text="The decision engine: weighs the raw signals of four agents, applies gates, and takes the strongest plan.",
    params=PARAMS,
    state=STATE,
    init=init,
    step=step,
    warmup=lambda p: max(_longest(spec, agent)(p) for agent, spec in AGENTS.items()),
    reasons=(
        *(f"{title} is for it." for title in _TITLES),
        *(f"{title} is against it." for title in _TITLES),
        *(f"The plan is that of {title}." for title in _TITLES),
        "The stop was moved nearer, to the widest that is allowed.",
        "The market is in a trending regime.",
        "The bar opened in a kill zone.",
        *(f"{title}: {text}" for title, spec in zip(_TITLES, AGENTS.values(), strict=True) for text in spec.reasons),
    ),
    sees=Saw._fields,
    plots={"ema_trend": "retest.ema.value", "vwap": "trend.vwap.value"},
    zones=("retest.blocks.book", "retest.gaps.book"),
    structures=("retest.structure",),
    check=_check,
    prepare=prepare,
    agents={spec.name: f"raw.{k}" for k, spec in enumerate(AGENTS.values())},
    timeframe="15m",
)
