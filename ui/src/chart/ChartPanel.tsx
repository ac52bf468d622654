/** The chart in its panel: legend, what to show, and the way back to the newest candle. */
import { useEffect, useRef, useState, type ReactNode } from "react";
import { loadOlder, model } from "../data/client";
import { indexAt } from "../data/model";
import { createStore, useStore } from "../data/store";
import type { Candle } from "../data/types";
import { formatCompact, formatNumber, formatPercent, formatPrice, formatTime, pair, pricePrecision } from "../lib/format";
import { prefs, setPrefs, type Prefs } from "../lib/prefs";
import { theme } from "../lib/theme";
import { Button, Checkbox, Empty, Menu } from "../parts/basics";
import { AgeNote } from "../parts/FaultBar";
import { Icon } from "../parts/icons";
import { findIndicators, shownAtFirst, type Indicator } from "./indicators";
import { readPalette } from "./palette";
import { ChartView } from "./view";

const hover = createStore<number | null>(null);
const following = createStore(true);

export function ChartPanel(): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<ChartView | null>(null);
  const empty = useStore(model, (m) => m.series.candles.length === 0);
  const loading = useStore(model, (m) => m.loading);
  const follows = useStore(following, (f) => f);
  useEffect(() => {
    if (!host.current) return undefined;
    let palette = readPalette();
    const chart = new ChartView(host.current, palette, {
      onHover: (time) => hover.set(time),
      onLeftEnd: () => void loadOlder(),
      onFollow: (follow) => following.set(follow),
    });
    view.current = chart;
    const draw = (): void => chart.draw(model.get(), prefs.get(), palette);
    const repaint = (): void => {
      palette = readPalette();
      draw();
    };
    draw();
    const ends = [model.subscribe(draw), prefs.subscribe(draw), theme.subscribe(repaint)];
    return () => {
      for (const end of ends) end();
      chart.destroy();
      view.current = null;
    };
  }, []);
  return (
    <section className="chart" aria-label="Price chart">
      <div className="chart-host" ref={host} />
      <Legend />
      <AgeNote of="market" />
      <div className="chart-tools">
        <Layer />
      </div>
      {!follows && !empty && (
        <Button look="chip to-end" onClick={() => view.current?.follow()}>
          <span>Newest</span> <Icon name="toEnd" />
        </Button>
      )}
      {empty && (
        <div className="chart-empty">
          {loading ? (
            <span className="spinner" role="status" aria-label="Loading the chart" />
          ) : (
            <Empty title="No candles yet">They appear as soon as the source sends them.</Empty>
          )}
        </div>
      )}
    </section>
  );
}

/** Values under the pointer, else of the newest candle. */
function Legend(): ReactNode {
  const series = useStore(model, (m) => m.series);
  const markers = useStore(model, (m) => m.markers);
  const chosen = useStore(prefs, (p) => p.indicators);
  const time = useStore(hover, (t) => t);
  const at = time === null ? series.candles.length - 1 : indexAt(series.candles, time);
  const candle = series.candles[at];
  if (!candle) return null;
  const digits = pricePrecision(series.candles.slice(-120).map((c) => c.close));
  const before = series.candles[at - 1];
  const change = before ? (candle.close / before.close - 1) * 100 : 0;
  const color = candle.close >= candle.open ? "up" : "down";
  const until = series.candles[at + 1]?.time ?? Number.POSITIVE_INFINITY;
  const notes = time === null ? [] : markers.filter((m) => m.text && m.time >= candle.time && m.time < until);
  const shown = findIndicators(series.candles).filter((i) => chosen[i.name] ?? shownAtFirst(i));
  return (
    <div className="legend" aria-hidden="true">
      <div>
        <strong>{pair(series.symbol)}</strong> <span className="muted">{series.timeframe}</span>{" "}
        <span className="muted num">{formatTime(candle.time)} UTC</span>
      </div>
      <div className="num">
        {(["open", "high", "low", "close"] as const).map((name) => (
          <span key={name}>
            <em>{name.charAt(0).toUpperCase()}</em> <b className={color}>{formatPrice(candle[name], digits)}</b>
          </span>
        ))}
        <b className={change >= 0 ? "up" : "down"}>{formatPercent(change, true)}</b>
        <span>
          <em>Vol</em> {formatCompact(candle.volume)}
        </span>
      </div>
      {shown.length > 0 && (
        <div className="num">
          {shown.map((indicator) => (
            <span key={indicator.name} style={{ color: colorOf(indicator) }}>
              {indicator.label} {valueOf(series.candles, at, indicator, digits)}
            </span>
          ))}
        </div>
      )}
      {notes.map((note) => (
        <div key={`${note.kind}${note.decision}${note.text}`} className={`note ${note.kind}`}>
          {note.text}
        </div>
      ))}
    </div>
  );
}

const colorOf = (indicator: Indicator): string => `var(--ind-${(indicator.color % 8) + 1})`;

/** A candle that is still forming has no value of its own yet: the one before tells it. */
function valueOf(candles: readonly Candle[], at: number, indicator: Indicator, digits: number): string {
  const own = candles[at]?.indicators[indicator.name];
  const value = own ?? candles[at - 1]?.indicators[indicator.name];
  return indicator.overlay ? formatPrice(value, digits) : formatNumber(value, 2);
}

const KINDS = [
  ["OB", "Order blocks", ["--zone-ob-demand", "--zone-ob-supply"]],
  ["FVG", "Fair value gaps", ["--zone-fvg-demand", "--zone-fvg-supply"]],
  ["BREAKER", "Breakers", ["--zone-breaker"]],
] as const;

interface Toggle {
  label: string;
  on: boolean;
  change: (on: boolean) => Partial<Prefs>;
  colors?: readonly string[];
}

/** All that the chart can show, in groups. */
function toggles({ zones, ended, markers, volume, indicators }: Prefs, found: readonly Indicator[]): [string, Toggle[]][] {
  const kinds = KINDS.map(([kind, label, names]) => ({
    label,
    on: zones[kind],
    change: (on: boolean) => ({ zones: { ...zones, [kind]: on } }),
    colors: names.map((name) => `var(${name})`),
  }));
  const lines = found.map((one) => ({
    label: one.label,
    on: indicators[one.name] ?? shownAtFirst(one),
    change: (on: boolean) => ({ indicators: { ...indicators, [one.name]: on } }),
    colors: [colorOf(one)],
  }));
  return [
    ["Zones", [...kinds, { label: "Ended zones", on: ended, change: (ended) => ({ ended }) }]],
    [
      "Chart",
      [
        { label: "Signals and trades", on: markers, change: (markers) => ({ markers }) },
        { label: "Volume", on: volume, change: (volume) => ({ volume }) },
      ],
    ],
    ["Indicators", lines],
  ];
}

const swatch = (background: string): ReactNode => <i key={background} className="swatch" style={{ background }} />;

/** What the chart shows. */
function Layer(): ReactNode {
  const shown = useStore(prefs, (p) => p);
  const series = useStore(model, (m) => m.series.epoch);
  const [indicators, setIndicators] = useState<Indicator[]>([]);
  useEffect(() => setIndicators(findIndicators(model.get().series.candles)), [series]);
  const groups = toggles(shown, indicators).filter(([, list]) => list.length > 0);
  return (
    <Menu label="Layers" icon={<Icon name="layers" />}>
      {groups.map(([name, list]) => (
        <fieldset key={name}>
          <legend>{name}</legend>
          {list.map(({ label, on, change, colors = [] }) => (
            <Checkbox key={label} on={on} onChange={(on) => setPrefs(change(on))} after={colors.map(swatch)}>
              {label}
            </Checkbox>
          ))}
        </fieldset>
      ))}
    </Menu>
  );
}
