/**
 * Draws zones as shaded boxes below the candles, and finished trades as lines from entry to exit.
 * A series primitive: the chart calls `draw` whenever it repaints, so boxes move with every scroll and zoom.
 */
import type {
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  Logical,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";
import { indexAt } from "../data/model";
import type { Candle, Zone } from "../data/types";
import { zoneBox, zoneLabel, type Box, type Projection } from "./geometry";
import { zoneColor, type Palette } from "./palette";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

export interface TradeLine {
  fromTime: number;
  fromPrice: number;
  toTime: number;
  toPrice: number;
  good: boolean;
}

export interface Scene {
  candles: readonly Candle[];
  zones: readonly Zone[];
  lines: readonly TradeLine[];
  palette: Palette;
}

export class ZonePrimitive implements ISeriesPrimitive<Time> {
  private scene: Scene | null = null;
  private host: SeriesAttachedParameter<Time> | null = null;
  private readonly views: readonly IPrimitivePaneView[];

  constructor() {
    // zones above the grid and below the candles, lines of trades above both
    const renderer: IPrimitivePaneRenderer = {
      drawBackground: (target) => this.paint(target, drawZones),
      draw: (target) => this.paint(target, drawLines),
    };
    this.views = [{ zOrder: () => "normal", renderer: () => renderer }];
  }

  attached(param: SeriesAttachedParameter<Time>): void {
    this.host = param;
  }

  detached(): void {
    this.host = null;
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  show(scene: Scene): void {
    this.scene = scene;
    this.host?.requestUpdate();
  }

  private paint(target: Target, draw: Painter): void {
    const { scene, host } = this;
    if (!scene || !host || scene.candles.length === 0) return;
    const scale = host.chart.timeScale();
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      const view: Projection = {
        x: (index) => scale.logicalToCoordinate(index as Logical),
        y: (price) => host.series.priceToCoordinate(price),
        barWidth: scale.options().barSpacing,
        width: mediaSize.width,
        height: mediaSize.height,
      };
      draw(context, scene, view);
    });
  }
}

type Painter = (context: CanvasRenderingContext2D, scene: Scene, view: Projection) => void;

const drawZones: Painter = (context, scene, view) => {
  const shown: [Zone, Box][] = [];
  for (const zone of scene.zones) {
    const box = zoneBox(zone, scene.candles, view);
    if (!box) continue;
    drawZone(context, zone, box, scene.palette);
    shown.push([zone, box]);
  }
  const taken: Label[] = [];
  for (const [zone, box] of shown.reverse()) drawLabel(context, zone, box, scene.palette, taken);
};

const drawLines: Painter = (context, scene, view) => {
  for (const line of scene.lines) drawLine(context, line, scene, view);
};

function drawZone(context: CanvasRenderingContext2D, zone: Zone, box: Box, palette: Palette): void {
  const living = zone.ended_ts === null;
  const gap = zone.kind === "FVG";
  const right = box.left + box.width;
  context.fillStyle = context.strokeStyle = zoneColor(zone, palette);
  context.globalAlpha = living ? (gap ? 0.11 : 0.17) : 0.05;
  context.fillRect(box.left, box.top, box.width, box.height);
  context.globalAlpha = living ? 0.6 : 0.2;
  context.lineWidth = 1;
  context.setLineDash(zone.kind === "BREAKER" ? [5, 4] : []);
  for (const y of [Math.round(box.top) + 0.5, Math.round(box.top + box.height) - 0.5])
    strokeLine(context, box.left, y, right, y);
  context.globalAlpha = living ? 0.9 : 0.3;
  if (box.startsHere) context.fillRect(box.left, box.top, 2, box.height);
  context.globalAlpha = 1;
}

function strokeLine(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

type Label = Record<"left" | "right" | "y", number>;

/** Living zones are named; a name that would cover another one is left out. */
function drawLabel(context: CanvasRenderingContext2D, zone: Zone, box: Box, palette: Palette, taken: Label[]): void {
  if (zone.ended_ts !== null || box.height < 9) return;
  const text = zoneLabel(zone);
  context.font = `600 10px ${palette.font}`;
  const width = context.measureText(text).width;
  if (width + 14 > box.width) return;
  // at the right end, where no candle covers it
  const right = box.left + box.width - 8;
  const label = { left: right - width, right, y: box.top + box.height / 2 };
  const covered = taken.some((o) => Math.abs(o.y - label.y) < 12 && label.left < o.right + 6 && o.left < label.right + 6);
  if (covered) return;
  taken.push(label);
  context.textBaseline = "middle";
  context.fillStyle = zoneColor(zone, palette);
  context.fillText(text, label.left, label.y + 0.5);
}

function drawLine(context: CanvasRenderingContext2D, line: TradeLine, scene: Scene, view: Projection): void {
  const x1 = view.x(indexAt(scene.candles, line.fromTime));
  const x2 = view.x(indexAt(scene.candles, line.toTime));
  const y1 = view.y(line.fromPrice);
  const y2 = view.y(line.toPrice);
  if (x1 === null || x2 === null || y1 === null || y2 === null || x2 < 0 || x1 > view.width) return;
  context.strokeStyle = line.good ? scene.palette.up : scene.palette.down;
  context.globalAlpha = 0.9;
  context.lineWidth = 1.25;
  context.setLineDash([3, 3]);
  strokeLine(context, x1, y1, x2, y2);
  context.setLineDash([]);
  context.globalAlpha = 1;
}
