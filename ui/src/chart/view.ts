/**
 * The chart itself, outside of React: it is told the model and draws the difference. New candles at the end are updates;
 * only another symbol, older history or a correction draws the series anew.
 */
import {
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  HistogramSeries,
  LineSeries,
  TickMarkType,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type Time,
} from "lightweight-charts";
import { indexAt, type Model } from "../data/model";
import type { Candle } from "../data/types";
import { formatClock, formatDate, formatPrice, formatTime, pricePrecision } from "../lib/format";
import type { Prefs } from "../lib/prefs";
import { chosenZones } from "./geometry";
import { findIndicators, shownAtFirst, type Indicator } from "./indicators";
import { levels, seconds, seriesMarkers, tradeLines, type Level } from "./marks";
import type { Palette } from "./palette";
import { ZonePrimitive } from "./zones";

export interface ChartEvents {
  /** The candle under the pointer, or null. */
  onHover: (time: number | null) => void;
  onLeftEnd: () => void;
  /** Whether the newest candle is in view. */
  onFollow: (following: boolean) => void;
}

const MARGIN = 12; // bars of room for the names of zones
const REDRAW_PAST = 400; // so many new candles in one frame are drawn faster anew
const BAR_AT_FIRST = 7; // pixels

export class ChartView {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly zones = new ZonePrimitive();
  private lines: IPriceLine[] = [];
  private indicators = new Map<string, ISeriesApi<"Line">>();
  private known: Indicator[] = [];
  private drawn = { symbol: "", epoch: -1, last: 0 };
  private digits = 2;
  private palette: Palette;
  private last: { model: Model; prefs: Prefs; palette: Palette } | null = null;

  constructor(
    host: HTMLElement,
    palette: Palette,
    private readonly events: ChartEvents,
  ) {
    this.palette = palette;
    this.chart = createChart(host, {
      autoSize: true,
      crosshair: { mode: CrosshairMode.Normal },
      localization: { timeFormatter: (time: Time) => formatTime(Number(time) * 1000) },
      timeScale: { rightOffset: MARGIN, minBarSpacing: 1.5, timeVisible: true, tickMarkFormatter: tick },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.2 } });
    this.candles.attachPrimitive(this.zones);
    this.markers = createSeriesMarkers(this.candles, []);
    this.chart.subscribeCrosshairMove((event) => {
      this.events.onHover(event.time === undefined ? null : Number(event.time) * 1000);
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (!range || this.drawn.last === 0) return;
      if (range.from < 40) this.events.onLeftEnd();
      this.events.onFollow(this.chart.timeScale().scrollPosition() > -3);
    });
    this.paint();
  }

  destroy(): void {
    this.chart.remove();
  }

  follow(): void {
    this.chart.timeScale().scrollToPosition(MARGIN, false); // an animation would lose against a fast market
  }

  /** Draw what changed since the last time. */
  draw(model: Model, prefs: Prefs, palette: Palette): void {
    const before = this.last;
    const fresh = before === null || before.palette !== palette;
    if (fresh) {
      this.palette = palette;
      this.paint();
    }
    const anew = this.drawn.symbol !== model.series.symbol || this.drawn.epoch !== model.series.epoch;
    if (anew || fresh || before.model.series !== model.series || before.prefs !== prefs)
      this.drawSeries(model, prefs, anew || fresh || before.prefs !== prefs);
    if (anew || fresh || before.model.markers !== model.markers || before.prefs !== prefs)
      this.markers.setMarkers(prefs.markers ? seriesMarkers(model.markers, model.series.candles, palette) : []);
    if (fresh || before.model.portfolio !== model.portfolio || before.model.symbol !== model.symbol)
      this.drawLevels(levels(model.portfolio, model.series.symbol, palette));
    this.zones.show({
      candles: model.series.candles,
      zones: chosenZones(model.zones.values(), { kinds: prefs.zones, ended: prefs.ended }),
      lines: prefs.markers ? tradeLines(model.markers) : [],
      palette,
    });
    this.last = { model, prefs, palette };
  }

  private drawSeries(model: Model, prefs: Prefs, anew: boolean): void {
    const { series } = model;
    const { candles } = series;
    const from = indexAt(candles, this.drawn.last);
    if (anew || candles.length - from > REDRAW_PAST) {
      const other = this.drawn.symbol !== series.symbol;
      this.setAll(candles, prefs);
      if (other && candles.length > 0) this.showNewest(candles.length);
    } else {
      for (let i = from; i < candles.length; i += 1) this.addOne(candles[i] as Candle, prefs);
    }
    this.drawn = { symbol: series.symbol, epoch: series.epoch, last: candles.at(-1)?.time ?? 0 };
  }

  private setAll(candles: readonly Candle[], prefs: Prefs): void {
    this.digits = pricePrecision(candles.slice(-120).map((candle) => candle.close));
    this.candles.applyOptions({
      priceFormat: {
        type: "custom",
        minMove: 10 ** -this.digits,
        formatter: (price: number) => formatPrice(price, this.digits),
      },
    });
    this.candles.setData(candles.map(bar));
    this.volume.setData(prefs.volume ? candles.map((candle) => this.volumeBar(candle)) : []);
    this.known = findIndicators(candles);
    this.chooseIndicators(prefs);
    for (const [name, line] of this.indicators) line.setData(candles.map((candle) => point(candle, name)));
  }

  private addOne(candle: Candle, prefs: Prefs): void {
    this.candles.update(bar(candle));
    if (prefs.volume) this.volume.update(this.volumeBar(candle));
    for (const [name, line] of this.indicators) line.update(point(candle, name));
  }

  private chooseIndicators(prefs: Prefs): void {
    const wanted = this.known.filter((i) => prefs.indicators[i.name] ?? shownAtFirst(i));
    for (const [name, line] of this.indicators) {
      if (wanted.some((i) => i.name === name)) continue;
      this.chart.removeSeries(line);
      this.indicators.delete(name);
    }
    for (const indicator of wanted) {
      const color = this.palette.indicators[indicator.color % this.palette.indicators.length] ?? this.palette.text;
      const line = this.indicators.get(indicator.name);
      if (line) {
        line.applyOptions({ color });
        continue;
      }
      const pane = indicator.overlay ? 0 : this.chart.panes().length;
      const options = { color, lineWidth: 2, priceLineVisible: false, crosshairMarkerVisible: false } as const;
      const added = this.chart.addSeries(
        LineSeries,
        indicator.overlay
          ? { ...options, lastValueVisible: false, autoscaleInfoProvider: () => null } // the candles set the scale
          : { ...options, title: indicator.label },
        pane,
      );
      this.indicators.set(indicator.name, added);
      if (pane > 0) this.chart.panes()[pane]?.setStretchFactor(0.22);
      if (pane > 0) this.chart.panes()[0]?.setStretchFactor(1);
    }
  }

  private volumeBar(candle: Candle): { time: Time; value: number; color: string } {
    const color = candle.close >= candle.open ? this.palette.volumeUp : this.palette.volumeDown;
    return { time: seconds(candle.time), value: candle.volume, color };
  }

  private drawLevels(wanted: Level[]): void {
    for (const line of this.lines) this.candles.removePriceLine(line);
    this.lines = wanted.map((level) => this.candles.createPriceLine({ ...level, lineWidth: 1, axisLabelVisible: true }));
  }

  private showNewest(count: number): void {
    const bars = Math.max(30, Math.round(this.chart.timeScale().width() / BAR_AT_FIRST) || 140);
    this.chart.timeScale().setVisibleLogicalRange({ from: count - bars + MARGIN, to: count + MARGIN });
  }

  private paint(): void {
    const p = this.palette;
    const label = { color: p.cross, labelBackgroundColor: p.entry };
    this.chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: p.background },
        textColor: p.text,
        fontFamily: p.font,
        fontSize: 11,
        attributionLogo: false, // the status bar names and links it
        panes: { separatorColor: p.border, separatorHoverColor: p.grid, enableResize: true },
      },
      grid: { vertLines: { color: p.grid }, horzLines: { color: p.grid } },
      crosshair: { vertLine: label, horzLine: label },
      rightPriceScale: { borderColor: p.border },
      timeScale: { borderColor: p.border },
    });
    this.candles.applyOptions({ upColor: p.up, downColor: p.down, wickUpColor: p.up, wickDownColor: p.down });
  }
}

const bar = ({ time, open, high, low, close }: Candle) => ({ time: seconds(time), open, high, low, close });

function point(candle: Candle, name: string): { time: Time; value?: number } {
  const value = candle.indicators[name];
  return typeof value === "number" ? { time: seconds(candle.time), value } : { time: seconds(candle.time) };
}

function tick(time: Time, kind: TickMarkType): string {
  const ms = Number(time) * 1000;
  if (kind === TickMarkType.Year) return String(new Date(ms).getUTCFullYear());
  const [day, month] = formatDate(ms).split(" ");
  if (kind === TickMarkType.Month) return month ?? "";
  if (kind === TickMarkType.DayOfMonth) return `${day} ${month}`;
  return formatClock(ms, kind === TickMarkType.TimeWithSeconds);
}
