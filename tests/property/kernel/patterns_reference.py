"""What the pattern detectors mean, written a second time: slow, on whole series, straight from the definitions.

Nothing here is shared with the kernel. Every pattern is a dict of what is finally known about it. Candles come as a
dict of lists ``t, o, h, l, c, v, atr``.
"""

import math
from typing import Any

Series = dict[str, list[Any]]
Row = dict[str, Any]

HOUR = 3_600_000
WINDOWS = {  # kind: (every, first opening, length)
    2: (24 * HOUR, 0, 24 * HOUR),
    3: (168 * HOUR, 96 * HOUR, 168 * HOUR),
    4: (24 * HOUR, 0, 9 * HOUR),
    5: (24 * HOUR, 7 * HOUR, 9 * HOUR),
    6: (24 * HOUR, 13 * HOUR, 9 * HOUR),
}


def find_swings(d: Series, left: int, right: int) -> list[Row]:
    """Every swing, by confirmation, the high first."""
    rows = []
    for p in range(left, len(d["h"]) - right):
        for side, prices in ((1, d["h"]), (-1, [-x for x in d["l"]])):
            before = all(prices[p] > x for x in prices[p - left : p])
            after = all(prices[p] >= x for x in prices[p + 1 : p + right + 1])
            if before and after:
                rows.append({"side": side, "price": side * prices[p], "formed_at": p, "confirmed_at": p + right})
    return rows


def find_breaks(d: Series, swings: list[Row], wick: bool = False) -> list[Row]:
    """Every BOS (1 up, 2 down) and CHoCH (3 up, 4 down), with the extreme candle of its leg."""
    rows = []
    trend = 0
    kept: dict[int, Row | None] = {1: None, -1: None}
    for i in range(len(d["c"])):
        for new in swings:
            if new["confirmed_at"] == i:
                kept[new["side"]] = new
        for side in (1, -1):
            swing = kept[side]
            price = d["c"][i] if not wick else d["h" if side > 0 else "l"][i]
            if swing is None or not (price > swing["price"] if side > 0 else price < swing["price"]):
                continue
            between = range(swing["formed_at"] + 1, i)
            block = min(between, key=lambda b: d["l"][b]) if side > 0 else max(between, key=lambda b: d["h"][b])
            kind = (3 if trend == -side else 1) + (0 if side > 0 else 1)
            rows.append(
                {"kind": kind, "side": side, "level": swing["price"], "ref_at": swing["formed_at"], "confirmed_at": i,
                 "block_at": block}
            )  # fmt: skip
            trend = side
            kept[side] = None
    return rows


def gap_sides(d: Series, percent: float) -> dict[int, int]:
    """Side of the gap that each bar completes."""
    sides = {}
    for i in range(2, len(d["c"])):
        for side, size in ((1, d["l"][i] - d["h"][i - 2]), (-1, d["l"][i - 2] - d["h"][i])):
            if size > 0 and size / d["c"][i - 1] * 100 >= percent:
                sides[i] = side
    return sides


def live(d: Series, z: Row, touches: int, age: int) -> Row:
    """Let a zone lead its whole life."""
    lo, hi, start, gap = z["price_lo"], z["price_hi"], z["confirmed_at"], z["kind"] == 3
    z |= {"touches": 0, "first_touched_at": -1, "last_touched_at": -1, "filled_percent": 0.0, "deepest_at": -1}
    z |= {"mitigated_at": -1, "filled_at": -1, "invalid_at": -1, "ended_time": -1, "state": 1}
    was_inside = not gap and d["l"][start] <= hi and d["h"][start] >= lo
    for j in range(start + 1, len(d["c"])):
        inside = d["l"][j] <= hi and d["h"][j] >= lo
        if inside and not was_inside:
            z["touches"] += 1
            z["last_touched_at"] = j
            if z["first_touched_at"] < 0:
                z["first_touched_at"] = j
        was_inside = inside
        depth = hi - d["l"][j] if z["side"] > 0 else d["h"][j] - lo
        percent = 0.0 if depth < 0 else 100.0 if depth >= hi - lo else round(depth / (hi - lo) * 10_000) / 100
        if percent > z["filled_percent"]:
            z["filled_percent"], z["deepest_at"] = percent, j
        if percent == 100 and z["filled_at"] < 0:
            z["filled_at"] = j
        beyond = d["c"][j] < lo if z["side"] > 0 else d["c"][j] > hi
        if beyond:
            z["mitigated_at"] = j
        if gap and z["filled_at"] >= 0:
            z["state"] = 3
        elif not gap and beyond:
            z["state"] = 2
        elif touches and z["touches"] == touches:
            z["state"] = 4
        elif age and j - start == age:
            z["state"] = 5
        if z["state"] != 1:
            z["invalid_at"], z["ended_time"] = j, d["t"][j]
            break
    return z


def make_zone(d: Series, kind: int, side: int, formed: int, i: int, bounds: tuple[float, float]) -> Row:
    """Start a zone that is confirmed at bar ``i``."""
    zone: Row = {"kind": kind, "side": side, "formed_at": formed, "confirmed_at": i}
    zone |= {"price_lo": bounds[0], "price_hi": bounds[1]}
    return zone | {"formed_time": d["t"][formed], "confirmed_time": d["t"][i]}


def score(d: Series, z: Row, gaps: dict[int, int], breaks: list[Row]) -> None:
    """Give a zone the parts of its strength, after its life is known."""
    i, side = z["confirmed_at"], z["side"]
    away = d["c"][i] - z["price_hi"] if side > 0 else z["price_lo"] - d["c"][i]
    atr = d["atr"][i]
    volumes = d["v"][max(0, z["formed_at"] - 20) : z["formed_at"]]
    total = 0.0
    for volume in volumes:
        total += volume
    ratio = d["v"][z["formed_at"]] / (total / len(volumes)) if total > 0 else 0.0
    since = i - 1 if z["kind"] == 4 else z["formed_at"]
    # the bar after the confirming one may still add the gap, unless the zone has ended on it
    last = i + 1 if z["invalid_at"] != i + 1 else i
    left_gap = z["kind"] == 3 or any(gaps.get(j) == side for j in range(since + 1, last + 1))
    broke = any(b["confirmed_at"] == i and b["side"] == side for b in breaks)
    z["parts"] = [
        min(max(away / atr, 0.0), 3.0) if atr > 0 else 0.0,
        min(ratio, 2.0),
        2.0 if left_gap else 0.0,
        2.0 if broke else 0.0,
        1.0 if z["touches"] == 0 else 0.0,
    ]
    z["strength"] = z["parts"][0] + z["parts"][1] + z["parts"][2] + z["parts"][3] + z["parts"][4]


def find_gaps(d: Series, percent: float, age: int, breaks: list[Row]) -> list[Row]:
    """Every fair value gap."""
    rows = []
    sides = gap_sides(d, percent)
    for i, side in sides.items():
        bounds = (d["h"][i - 2], d["l"][i]) if side > 0 else (d["h"][i], d["l"][i - 2])
        rows.append(live(d, make_zone(d, 3, side, i - 1, i, bounds), 0, age))
        score(d, rows[-1], sides, breaks)
    return rows


def find_blocks(d: Series, breaks: list[Row], ratio: float, touches: int, age: int, breakers: bool) -> list[Row]:
    """Every order block and breaker."""
    rows = []
    for i in range(1, len(d["c"])):
        body = d["c"][i] - d["o"][i]
        before = d["c"][i - 1] - d["o"][i - 1]
        if body * before < 0 and abs(body) / (d["h"][i] - d["l"][i]) >= ratio:
            bounds = (d["l"][i - 1], d["h"][i - 1])
            rows.append(live(d, make_zone(d, 1, 1 if body > 0 else -1, i - 1, i, bounds), touches, age))
    for b in breaks:
        bounds = (d["l"][b["block_at"]], d["h"][b["block_at"]])
        rows.append(live(d, make_zone(d, 2, b["side"], b["block_at"], b["confirmed_at"], bounds), touches, age))
    if breakers:
        for z in list(rows):
            if z["state"] == 2:
                bounds = (z["price_lo"], z["price_hi"])
                flipped = make_zone(d, 4, -z["side"], z["formed_at"], z["invalid_at"], bounds)
                rows.append(live(d, flipped, touches, age))
    for z in rows:
        score(d, z, gap_sides(d, 0.1), breaks)
    return rows


def end_level(d: Series, p: Row, first: int) -> None:
    """Find the first candle from ``first`` on that passes a level."""
    for j in range(first, len(d["c"])):
        if d["h"][j] > p["level"] if p["side"] > 0 else d["l"][j] < p["level"]:
            inside = d["c"][j] <= p["level"] if p["side"] > 0 else d["c"][j] >= p["level"]
            p |= {"state": 2 if inside else 3, "ended_at": j, "swept_at": j if inside else -1}
            return


def find_pools(d: Series, swings: list[Row], tolerance: float) -> list[Row]:
    """Every pool of equal highs and lows; groups are lists of bars of swings, newest last."""
    rows: list[Row] = []
    for side in (1, -1):
        groups: list[Row] = []
        for swing in [s for s in swings if s["side"] == side]:
            i, price = swing["confirmed_at"], swing["price"]
            near = tolerance * d["atr"][i] if d["atr"][i] > 0 else 0.0
            groups = [g for g in groups if g["level"] * side >= price * side - near]
            equal = [g for g in groups if g["level"] * side <= price * side + near]
            alive = [n for n, g in enumerate(equal) if g.get("state") and not 0 <= g["ended_at"] <= i]
            joined = equal[alive[-1] :] if alive else equal
            groups = [g for g in groups if not any(g is other for other in joined)]
            count = 1 + sum(g["count"] for g in joined)
            if alive:
                joined[0]["count"] = count
                groups.append(joined[0])
                continue
            level = side * max([price * side, *[g["level"] * side for g in joined]])
            formed = joined[0]["formed_at"] if joined else swing["formed_at"]
            group = {"kind": 1, "side": side, "level": level, "formed_at": formed, "count": count, "confirmed_at": i}
            groups.append(group)
            if joined:
                group |= {"state": 1, "ended_at": -1, "swept_at": -1}
                end_level(d, group, i + 1)
                rows.append(group)
    return rows


def find_levels(d: Series) -> list[Row]:
    """Every high and low of a finished day, week and session."""
    rows = []
    for kind, (every, first, length) in WINDOWS.items():
        windows: dict[int, list[int]] = {}
        for i, t in enumerate(d["t"]):
            number = (t - first) // every
            opened = first + number * every
            if t < opened + length and d["t"][0] <= opened:
                windows.setdefault(opened, []).append(i)
        known = []
        for opened, bars in windows.items():
            after = [i for i, t in enumerate(d["t"]) if t >= opened + length]
            if after:
                known.append((after[0], bars))
        for n, (i, bars) in enumerate(known):
            replaced = known[n + 1][0] if n + 1 < len(known) else math.inf
            for side, key in ((1, "h"), (-1, "l")):
                at = max(bars, key=lambda b, k=key, s=side: d[k][b] * s)  # type: ignore[misc]
                p = {"kind": kind, "side": side, "level": d[key][at], "formed_at": at, "confirmed_at": i, "count": 1}
                p |= {"state": 1, "ended_at": -1, "swept_at": -1}
                end_level(d, p, i)
                if replaced != math.inf and not 0 <= p["ended_at"] < replaced:
                    p |= {"state": 4, "ended_at": int(replaced), "swept_at": -1}
                rows.append(p)
    return rows


def find_range(d: Series, swings: list[Row], i: int) -> Row:
    """Where the close of bar ``i`` stands between the last swings known then."""
    known = [s for s in swings if s["confirmed_at"] <= i]
    highs = [s for s in known if s["side"] > 0]
    lows = [s for s in known if s["side"] < 0]
    if not highs or not lows or highs[-1]["price"] <= lows[-1]["price"]:
        return {"zone": 0, "leg": 0, "in_ote": 0, "position": math.nan}
    high, low, close = highs[-1]["price"], lows[-1]["price"], d["c"][i]
    leg = highs[-1]["formed_at"] - lows[-1]["formed_at"]
    start, end = (high - 0.79 * (high - low), high - 0.62 * (high - low))
    if leg < 0:
        start, end = (low + 0.62 * (high - low), low + 0.79 * (high - low))
    middle = low + (high - low) / 2
    return {
        "zone": (close > middle) - (close < middle),
        "leg": (leg > 0) - (leg < 0),
        "in_ote": int(leg != 0 and start <= close <= end),
        "position": (close - low) / (high - low) * 100,
    }
