// The chart of an analysis: candles and patterns on a canvas, without any library.
// A pattern is drawn lightly from the bar where it formed and fully from the bar at whose close it became known.
const data = JSON.parse(document.getElementById("data").textContent);
const { first, time, open, high, low, close, volume } = data;
const count = time.length;
const canvas = document.getElementById("chart");
const pen = canvas.getContext("2d");
const legend = document.getElementById("legend");
const AXIS = 74, FOOT = 24, LATEST = first + count - 1;
const layers = {};
const view = { from: Math.max(first, LATEST - 180), to: LATEST + 8 };
const pointer = { x: -1, y: -1, bar: -1 };
let width = 0, height = 0, bottom = 0, top = 0, colours = {}, minStrength = 0, asKnown = false, asked = false;

const x = (bar) => ((bar - view.from) / (view.to - view.from)) * width;
const y = (price) => height - ((price - bottom) / (top - bottom)) * height;
const barAt = (px) => view.from + (px / width) * (view.to - view.from);
const now = () => (asKnown && pointer.bar >= 0 ? pointer.bar : LATEST);
const digits = (() => {
  const typical = close[count >> 1];
  return typical >= 1000 ? 2 : typical >= 10 ? 3 : typical >= 0.1 ? 5 : 8;
})();
const price = (value) => value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: digits });
const clock = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["page", "ink", "dim", "line", "edge", "up", "down", "demand", "supply", "gap-up", "gap-down",
    "pool"]) colours[name] = style.getPropertyValue(`--${name}`).trim();
}

function visible() {
  return [Math.max(first, Math.floor(view.from)), Math.min(LATEST, Math.ceil(view.to))];
}

function scale() {
  const [a, b] = visible();
  bottom = Infinity; top = -Infinity;
  for (let i = a - first; i <= b - first; i += 1) {
    if (low[i] < bottom) bottom = low[i];
    if (high[i] > top) top = high[i];
  }
  if (bottom > top) { bottom = 0; top = 1; }
  const margin = (top - bottom) * 0.08 || top * 0.01 || 1;
  bottom -= margin; top += margin;
}

function niceStep(span, room) {
  const rough = span / Math.max(room, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((m) => m * power).find((step) => step >= rough);
}

function drawGrid() {
  pen.strokeStyle = colours.line; pen.fillStyle = colours.dim; pen.lineWidth = 1;
  pen.textBaseline = "middle"; pen.textAlign = "left";
  const step = niceStep(top - bottom, height / 56);
  for (let p = Math.ceil(bottom / step) * step; p < top; p += step) {
    const py = Math.round(y(p)) + 0.5;
    pen.beginPath(); pen.moveTo(0, py); pen.lineTo(width, py); pen.stroke();
    pen.fillText(price(p), width + 8, py);
  }
  pen.textAlign = "center";
  const steps = [1, 2, 4, 8, 12, 24, 48, 96, 192, 384, 672, 1344, 2880, 5760, 11520];
  const every = steps.find((s) => x(s) - x(0) >= 110) || 23040;
  for (let bar = Math.ceil(view.from / every) * every; bar <= Math.min(view.to, LATEST); bar += every) {
    if (bar < first) continue;
    const px = Math.round(x(bar)) + 0.5;
    pen.beginPath(); pen.moveTo(px, 0); pen.lineTo(px, height); pen.stroke();
    pen.fillText(clock(time[bar - first]), px, height + FOOT / 2);
  }
}

function drawZones(rows, tones, dashed) {
  const t = now();
  for (const z of rows) {
    if (z.confirmed_at > t || z.strength < minStrength) continue;
    const ended = z.invalid_at >= 0 && z.invalid_at <= t;
    const stop = ended ? z.invalid_at : t + (asKnown ? 0 : 8);
    if (stop < view.from || z.formed_at > view.to || z.price_hi < bottom || z.price_lo > top) continue;
    const tone = tones[z.side === "demand" ? 0 : 1];
    const hi = y(z.price_hi), size = Math.max(y(z.price_lo) - hi, 1);
    const known = x(z.confirmed_at + 0.5);
    pen.fillStyle = `rgba(${tone}, ${ended ? 0.1 : 0.2})`;
    pen.fillRect(known, hi, x(stop) - known, size);
    pen.fillStyle = `rgba(${tone}, 0.06)`;
    pen.fillRect(x(z.formed_at - 0.5), hi, known - x(z.formed_at - 0.5), size);
    pen.strokeStyle = `rgba(${tone}, ${ended ? 0.35 : 0.8})`;
    pen.setLineDash(dashed ? [4, 3] : []);
    pen.strokeRect(known, hi, x(stop) - known, size);
    pen.setLineDash([]);
  }
}

function drawLiquidity() {
  const t = now();
  pen.strokeStyle = colours.pool; pen.fillStyle = colours.pool; pen.textAlign = "left";
  for (const p of data.liquidity) {
    if (p.confirmed_at > t || p.level < bottom || p.level > top) continue;
    const ended = p.ended_at >= 0 && p.ended_at <= t;
    const stop = ended ? p.ended_at : t;
    if (stop < view.from || p.formed_at > view.to) continue;
    const py = Math.round(y(p.level)) + 0.5;
    pen.globalAlpha = ended ? 0.4 : 0.9;
    pen.setLineDash([2, 3]);
    pen.beginPath(); pen.moveTo(x(p.formed_at), py); pen.lineTo(x(stop), py); pen.stroke();
    pen.setLineDash([]);
    if (p.swept_at >= 0 && p.swept_at <= t && x(1) - x(0) > 3) {
      pen.textBaseline = p.side === "high" ? "bottom" : "top";
      pen.fillText("✕", x(p.swept_at) - 4, py);
    }
    if (!ended && p.kind !== "equal" && x(stop) - x(p.formed_at) > 60) {
      pen.textBaseline = "bottom";
      pen.fillText(`${p.kind.replace("_", " ")} ${p.side}`, Math.max(x(p.formed_at) + 8, 4), py - 1);
    }
  }
  pen.globalAlpha = 1;
}

function drawCandles() {
  const [a, b] = visible();
  const wide = x(1) - x(0);
  if (wide < 1.5) { drawColumns(a, b); return; }
  const body = Math.max(1, Math.floor(wide * 0.7));
  for (let bar = a; bar <= b; bar += 1) {
    const i = bar - first, px = Math.round(x(bar)), rising = close[i] >= open[i];
    pen.globalAlpha = asKnown && bar > now() ? 0.25 : 1;
    pen.fillStyle = rising ? colours.up : colours.down;
    pen.fillRect(px, y(high[i]), 1, Math.max(y(low[i]) - y(high[i]), 1));
    const upper = y(Math.max(open[i], close[i]));
    pen.fillRect(px - (body >> 1), upper, body, Math.max(y(Math.min(open[i], close[i])) - upper, 1));
  }
  pen.globalAlpha = 1;
}

// more candles than pixels: the range of each column of pixels
function drawColumns(a, b) {
  pen.fillStyle = colours.ink;
  for (let px = Math.max(0, Math.floor(x(a))); px < Math.min(width, x(b)); px += 1) {
    let lo = Infinity, hi = -Infinity;
    const stop = Math.min(LATEST, Math.floor(barAt(px + 1)));
    for (let bar = Math.max(a, Math.ceil(barAt(px))); bar <= stop; bar += 1) {
      lo = Math.min(lo, low[bar - first]); hi = Math.max(hi, high[bar - first]);
    }
    if (hi >= lo) pen.fillRect(px, y(hi), 1, Math.max(y(lo) - y(hi), 1));
  }
}

function drawStructure() {
  const t = now(), labels = x(1) - x(0) > 1.5;
  pen.textAlign = "center";
  for (const s of data.structure) {
    if (s.confirmed_at > t || s.confirmed_at < view.from || s.ref_at > view.to) continue;
    const rising = s.kind.endsWith("UP"), py = Math.round(y(s.level)) + 0.5;
    pen.strokeStyle = pen.fillStyle = rising ? colours.up : colours.down;
    pen.setLineDash(s.kind.startsWith("CHOCH") ? [6, 4] : []);
    pen.beginPath(); pen.moveTo(x(s.ref_at), py); pen.lineTo(x(s.confirmed_at), py); pen.stroke();
    pen.setLineDash([]);
    if (!labels) continue;
    pen.textBaseline = rising ? "bottom" : "top";
    pen.fillText(s.kind.split("_")[0], x((s.ref_at + s.confirmed_at) / 2), py + (rising ? -2 : 3));
  }
}

function drawSwings() {
  const t = now();
  if (x(1) - x(0) < 1.5) return;
  pen.fillStyle = colours.dim;
  for (const s of data.swings) {
    if (s.confirmed_at > t || s.formed_at < view.from || s.formed_at > view.to) continue;
    const up = s.kind === "high" ? -1 : 1, px = x(s.formed_at), py = y(s.price) + up * 5;
    pen.beginPath(); pen.moveTo(px, py); pen.lineTo(px - 4, py + up * 6); pen.lineTo(px + 4, py + up * 6); pen.fill();
  }
}

function tag(text, px, py, align) {
  const size = pen.measureText(text).width + 10;
  const left = align === "left" ? px : Math.min(Math.max(px - size / 2, 0), width - size);
  pen.fillStyle = colours.ink; pen.fillRect(left, py - 9, size, 18);
  pen.fillStyle = colours.page; pen.textAlign = "left"; pen.textBaseline = "middle"; pen.fillText(text, left + 5, py);
}

function drawPointer() {
  const bar = pointer.bar;
  if (pointer.x < 0 || pointer.x > width || bar < first) return;
  const px = Math.round(x(bar)) + 0.5, py = Math.round(pointer.y) + 0.5;
  pen.strokeStyle = colours.edge; pen.setLineDash([3, 3]);
  pen.beginPath(); pen.moveTo(px, 0); pen.lineTo(px, height);
  if (py < height) { pen.moveTo(0, py); pen.lineTo(width, py); }
  pen.stroke(); pen.setLineDash([]);
  tag(clock(time[bar - first]), px, height + FOOT / 2, "center");
  if (py < height) tag(price(bottom + ((height - py) / height) * (top - bottom)), width + 3, py, "left");
}

function line(text, dim) {
  const row = document.createElement("div");
  row.textContent = text;
  if (dim) row.className = "dim";
  legend.append(row);
}

function describe() {
  legend.replaceChildren();
  const bar = pointer.bar >= first ? pointer.bar : LATEST, i = bar - first, t = now();
  line(`${clock(time[i])} UTC  bar ${bar}   O ${price(open[i])}  H ${price(high[i])}  L ${price(low[i])}  ` +
    `C ${price(close[i])}  V ${volume[i].toLocaleString("en-US")}`);
  if (pointer.x < 0 || pointer.x > width || pointer.y > height) return;
  const at = bottom + ((height - pointer.y) / height) * (top - bottom);
  let shown = 0;
  for (const [name, word] of [["order_blocks", "block"], ["breakers", ""], ["fvgs", "gap"]]) {
    if (!layers[name]) continue;
    for (const z of data[name]) {
      if (z.confirmed_at > t || z.strength < minStrength || at < z.price_lo || at > z.price_hi) continue;
      if (z.formed_at > bar || (z.invalid_at >= 0 && z.invalid_at < bar) || shown >= 6) continue;
      shown += 1;
      line(`${z.side} ${z.kind || ""} ${word} ${price(z.price_lo)} – ${price(z.price_hi)}, strength ` +
        `${z.strength.toFixed(1)}, formed ${z.formed_at}, known ${z.confirmed_at}` +
        (asKnown ? "" : `, touches ${z.touches}, filled ${z.filled_percent} %, ${z.state.replace("_", " ")}`), true);
    }
  }
}

function draw() {
  asked = false;
  const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
  canvas.width = Math.round(box.width * ratio); canvas.height = Math.round(box.height * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  width = box.width - AXIS; height = box.height - FOOT;
  scale();
  drawGrid();
  pen.save();
  pen.beginPath(); pen.rect(0, 0, width, height); pen.clip();
  if (layers.fvgs) drawZones(data.fvgs, [colours["gap-up"], colours["gap-down"]], true);
  if (layers.order_blocks) drawZones(data.order_blocks, [colours.demand, colours.supply], false);
  if (layers.breakers) drawZones(data.breakers, [colours.demand, colours.supply], true);
  if (layers.liquidity) drawLiquidity();
  drawCandles();
  if (layers.structure) drawStructure();
  if (layers.swings) drawSwings();
  pen.restore();
  drawPointer();
  describe();
}

function redraw() {
  if (!asked) { asked = true; requestAnimationFrame(draw); }
}

function move(bars) {
  const span = view.to - view.from;
  const from = Math.min(Math.max(view.from + bars, first - span / 2), LATEST - span / 2);
  view.to = from + span; view.from = from;
  redraw();
}

function zoom(factor, centre) {
  const span = Math.min(Math.max((view.to - view.from) * factor, 10), count + 40);
  const share = (centre - view.from) / (view.to - view.from);
  view.from = centre - span * share; view.to = view.from + span;
  move(0);
}

const fingers = new Map();
canvas.addEventListener("pointerdown", (e) => {
  fingers.set(e.pointerId, e.offsetX);
  canvas.setPointerCapture(e.pointerId);
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (e) => fingers.delete(e.pointerId));
canvas.addEventListener("pointermove", (e) => {
  const before = fingers.get(e.pointerId);
  if (before !== undefined && fingers.size === 1) move(barAt(before) - barAt(e.offsetX));
  if (before !== undefined && fingers.size === 2) {
    const other = [...fingers].find(([id]) => id !== e.pointerId)[1];
    zoom(Math.abs(before - other) / Math.max(Math.abs(e.offsetX - other), 1), barAt((e.offsetX + other) / 2));
  }
  if (before !== undefined) fingers.set(e.pointerId, e.offsetX);
  pointer.x = e.offsetX; pointer.y = e.offsetY;
  pointer.bar = Math.min(Math.max(Math.round(barAt(e.offsetX)), first), LATEST);
  redraw();
});
canvas.addEventListener("pointerleave", () => { pointer.x = pointer.bar = -1; redraw(); });
canvas.addEventListener("wheel", (e) => {
  e.preventDefault();
  if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) move((e.deltaX / width) * (view.to - view.from));
  else zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * 0.004), barAt(Math.min(e.offsetX, width)));
}, { passive: false });
canvas.addEventListener("keydown", (e) => {
  const span = view.to - view.from;
  const moves = { ArrowLeft: -span / 10, ArrowRight: span / 10, PageUp: -span, PageDown: span, Home: -count,
    End: count };
  if (e.key in moves) move(moves[e.key]);
  else if (e.key === "+" || e.key === "=") zoom(0.8, (view.from + view.to) / 2);
  else if (e.key === "-") zoom(1.25, (view.from + view.to) / 2);
  else return;
  e.preventDefault();
});

for (const box of document.querySelectorAll("[data-layer]")) {
  layers[box.dataset.layer] = box.checked;
  box.addEventListener("change", () => { layers[box.dataset.layer] = box.checked; redraw(); });
}
document.getElementById("strength").addEventListener("input", (e) => {
  minStrength = Number(e.target.value);
  e.target.nextElementSibling.textContent = e.target.value;
  redraw();
});
document.getElementById("known").addEventListener("change", (e) => { asKnown = e.target.checked; redraw(); });

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  readColours();
  redraw();
}
const dark = window.matchMedia("(prefers-color-scheme: dark)");
document.getElementById("theme").addEventListener("click", () =>
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));
new ResizeObserver(redraw).observe(canvas);
setTheme(dark.matches ? "dark" : "light");
