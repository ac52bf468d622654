/** A seeded market for development: candles with indicators, and zones with a life. Plausible, not exact. */

export function random(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function normal(rand) {
  return Math.sqrt(-2 * Math.log(rand() + 1e-12)) * Math.cos(2 * Math.PI * rand());
}

const round = (value, digits) => Number(value.toFixed(digits));

export class Market {
  constructor({ symbol, seed, price, digits, start, stepMs }) {
    Object.assign(this, { symbol, price, digits, stepMs });
    this.rand = random(seed);
    this.time = start;
    this.sigma = 0.0016;
    this.drift = 0;
    this.candles = [];
    this.zones = [];
    this.ema = new Map();
    this.gain = 0;
    this.loss = 0;
    this.atr = price * 0.002;
    this.zoneCount = 0;
    this.open();
  }

  open() {
    const p = round(this.price, this.digits);
    this.current = {
      time: this.time, open: p, high: p, low: p, close: p, volume: 0, is_closed: false, indicators: {},
    };
    if (this.rand() < 0.03) this.drift = normal(this.rand) * 0.00022;
    this.sigma = Math.max(0.0006, Math.min(0.005, this.sigma * Math.exp(normal(this.rand) * 0.09 + (0.0016 - this.sigma) * 30)));
  }

  /** A part of a candle passes; returns the candle as it stands. */
  tick(parts) {
    const c = this.current;
    const burst = this.rand() < 0.02 ? 3 : 1;
    this.price *= Math.exp(this.drift / parts + (normal(this.rand) * this.sigma * burst) / Math.sqrt(parts));
    const p = round(this.price, this.digits);
    c.close = p;
    c.high = Math.max(c.high, p);
    c.low = Math.min(c.low, p);
    const move = Math.abs(p - c.open) / this.atr;
    c.volume = round(c.volume + (30 / parts) * (0.2 + 1.6 * this.rand() ** 3) * (0.4 + 2 * move * burst), 3);
    return { ...c };
  }

  indicators(close, keep) {
    const out = {};
    for (const n of [20, 50, 200]) {
      const before = this.ema.get(n) ?? close;
      const now = before + (2 / (n + 1)) * (close - before);
      if (keep) this.ema.set(n, now);
      out[`ema${n}`] = this.candles.length < n ? null : round(now, this.digits + 1);
    }
    const last = this.candles.at(-1)?.close ?? close;
    const gain = this.gain + (Math.max(close - last, 0) - this.gain) / 14;
    const loss = this.loss + (Math.max(last - close, 0) - this.loss) / 14;
    if (keep) [this.gain, this.loss] = [gain, loss];
    out.rsi14 = this.candles.length < 15 ? null : round(100 - 100 / (1 + gain / (loss || 1e-9)), 2);
    out.atr14 = this.candles.length < 15 ? null : round(this.atr, this.digits + 1);
    return out;
  }

  /** The candle closes; returns it and the zones that changed. */
  close() {
    const c = this.current;
    c.indicators = this.indicators(c.close, true);
    c.is_closed = true;
    this.candles.push(c);
    this.atr += (c.high - c.low - this.atr) / 14;
    const changed = [...this.ageZones(c), ...this.findZones()];
    this.time += this.stepMs;
    this.open();
    return { candle: c, zones: changed };
  }

  addZone(kind, side, lo, hi, formed, strength) {
    this.zoneCount += 1;
    const zone = {
      id: `${this.symbol}-${kind}-${this.zoneCount}`, kind, side, price_lo: lo, price_hi: hi, formed_time: formed,
      confirmed_time: this.candles.at(-1).time, ended_time: null, end_reason: null, touches: 0, filled_percent: 0,
      strength: round(strength, 1), valid: true,
    };
    this.zones.push(zone);
    return zone;
  }

  findZones() {
    const n = this.candles.length;
    if (n < 30) return [];
    const [a, b, c] = this.candles.slice(-3);
    const found = [];
    const gap = this.atr * 0.35;
    if (c.low - a.high > gap) found.push(this.addZone("FVG", "DEMAND", a.high, c.low, b.time, 4 + this.rand() * 5));
    if (a.low - c.high > gap) found.push(this.addZone("FVG", "SUPPLY", c.high, a.low, b.time, 4 + this.rand() * 5));
    const body = c.close - c.open;
    if (Math.abs(body) > this.atr * 1.7) {
      for (let i = n - 2; i > n - 8; i -= 1) {
        const k = this.candles[i];
        if (Math.sign(k.close - k.open) !== -Math.sign(body)) continue;
        found.push(this.addZone("OB", body > 0 ? "DEMAND" : "SUPPLY", k.low, k.high, k.time, 5 + this.rand() * 4));
        break;
      }
    }
    return found;
  }

  ageZones(c) {
    const changed = [];
    for (const z of this.zones) {
      if (z.ended_time !== null) continue;
      const demand = z.side === "DEMAND";
      const inside = c.low <= z.price_hi && c.high >= z.price_lo;
      const through = demand ? c.close < z.price_lo : c.close > z.price_hi;
      const old = c.time - z.formed_time > this.stepMs * 220;
      if (through && z.kind === "OB" && z.touches > 0 && this.rand() < 0.5) {
        z.kind = "BREAKER";
        z.side = demand ? "SUPPLY" : "DEMAND";
      } else if (through || old) {
        Object.assign(z, { ended_time: c.time, end_reason: old ? "aged" : "mitigated", valid: false });
      } else if (inside) {
        z.touches += 1;
        const depth = demand ? z.price_hi - c.low : c.high - z.price_lo;
        z.filled_percent = round(Math.max(z.filled_percent, Math.min(100, (depth / (z.price_hi - z.price_lo)) * 100)), 1);
      } else continue;
      changed.push({ ...z });
    }
    return changed;
  }
}
