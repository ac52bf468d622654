/** The living zones nearest to the price, as a ladder with the price between them. */
import type { ReactNode } from "react";
import { nearestZones } from "../chart/geometry";
import { zoneName } from "../chart/palette";
import { model } from "../data/client";
import { useStore } from "../data/store";
import { distancePercent, formatPercent, formatPrice, pair, pricePrecision } from "../lib/format";

const EACH = 3;

export function NearZones(): ReactNode {
  const zones = useStore(model, (m) => m.zones);
  const candles = useStore(model, (m) => m.series.candles);
  const symbol = useStore(model, (m) => m.series.symbol);
  const price = candles.at(-1)?.close;
  if (price === undefined) return null;
  const near = nearestZones(zones.values(), price, EACH);
  if (near.length === 0) return null;
  const digits = pricePrecision(candles.slice(-120).map((c) => c.close));
  return (
    <section className="side-section">
      <h2>Nearest zones of {pair(symbol)}</h2>
      <ul className="near">
        {near.map(({ zone, edge }) => (
          <li key={zone.id}>
            <i className="swatch" style={{ background: `var(--zone-${zoneName(zone)})` }} />
            <span>
              {zone.kind === "BREAKER" ? "Breaker" : zone.kind} <span className="muted">{zone.side.toLowerCase()}</span>
            </span>
            <span className="num">
              {formatPrice(zone.price_lo, digits)} – {formatPrice(zone.price_hi, digits)}
            </span>
            <small className="num right">{edge === price ? "inside" : formatPercent(distancePercent(price, edge), true)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}
