/** The mock's reports: performance, the verdicts of the gates, and the settings with their limits. */

export const SETTINGS = {
  execution_mode: "auto", risk_per_trade: 0.01, max_position_quote: 0, max_position_share: 0.1, max_open_positions: 3,
  max_symbol_share: 0.5, daily_loss_quote: 0, daily_loss_share: 0.03, max_drawdown: 0.2, max_margin_use: 0.5, max_trades_day: 5,
  volatility_ceiling: 0, min_sharpe: null, default_stop: 0.02, reward_risk: 3, cooldown_bars: 4, break_even: true,
  quality_gate: true, signal_ttl_bars: 3,
};

export function validate(body) {
  const errors = [];
  const bad = (name, text) => errors.push(`${name} is ${body[name]}; it ${text}`);
  for (const name of Object.keys(body)) if (!(name in SETTINGS)) bad(name, "is not known here.");
  if (body.risk_per_trade > 0.1) bad("risk_per_trade", "must be at most 0.1.");
  if (body.reward_risk !== undefined && !(body.reward_risk > 0)) bad("reward_risk", "must be above 0.");
  return errors.join(" ");
}

export function performance({ trades, balance, equity }) {
  const pnl = trades.map((t) => Number(t.pnl));
  const wins = pnl.filter((x) => x > 0);
  const losses = pnl.filter((x) => x < 0);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  let peak = 0;
  let worst = 0;
  for (const p of equity) {
    peak = Math.max(peak, Number(p.equity));
    worst = Math.max(worst, (peak - Number(p.equity)) / peak);
  }
  const net = balance - 10_000;
  return {
    net_pnl: net.toFixed(2), return_pct: net / 100, max_drawdown_pct: worst * 100, sharpe: trades.length > 20 ? 1.62 : null, sortino: 2.31,
    calmar: worst ? net / 100 / (worst * 100) : null, win_rate: trades.length ? wins.length / trades.length : null,
    profit_factor: losses.length ? sum(wins) / -sum(losses) : null, expectancy_r: sum(trades.map((t) => t.r_multiple)) / (trades.length || 1),
    trades: trades.length, fees: sum(trades.map((t) => Number(t.fees))).toFixed(2), best_trade: Math.max(0, ...pnl).toFixed(2), worst_trade: Math.min(0, ...pnl).toFixed(2),
    information_ratio: null, reasons: { information_ratio: "There is no benchmark to compare with." },
  };
}

export function checks(symbol, trader, market) {
  const state = trader.state(symbol);
  const living = market.zones.filter((z) => z.valid).length;
  const list = [
    { name: "state", passed: state === "SCANNING", value: state, limit: "SCANNING", text: `New signals are acted on while scanning; the state is ${state}.` },
    { name: "data_quality", passed: true, value: "A", limit: "C", text: "The data is complete and fresh (grade A)." },
    { name: "stale_feed", passed: true, value: 2, limit: 30, text: "The last candle came 2 s ago." },
    { name: "zones", passed: living > 0, value: living, limit: 1, text: `${living} zones are alive.` },
    { name: "price_at_zone", passed: false, value: 1.84, limit: 0, text: "The nearest demand zone is 1.84 ATR below the price." },
    { name: "max_open_positions", passed: trader.positions.size < 3, value: trader.positions.size, limit: 3, text: `${trader.positions.size} of 3 positions are open.` },
    { name: "daily_loss_limit", passed: true, value: 0.004, limit: 0.03, text: "Today's loss is 0.4 % of 3 % allowed." },
    { name: "max_trades_day", passed: true, value: 2, limit: 5, text: "2 of 5 trades were made today." },
  ];
  return { symbol, time: trader.now, checks: list, would_trade: list.every((c) => c.passed) };
}
