/** The equity curve as SVG: small beside the balance and large under Performance. */
import { useId, type ReactNode } from "react";
import type { EquityPoint } from "../data/types";

/** Path data in a box of `width` × `height`, each point at its time; null with fewer than two. */
export function sparkShape(curve: readonly EquityPoint[], width: number, height: number, pad = 3) {
  const [first, last] = [curve[0], curve.at(-1)];
  if (!first || !last || last.time <= first.time) return null;
  const values = curve.map((point) => point.equity);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = curve.map(({ time, equity }) => {
    const x = ((time - first.time) / (last.time - first.time)) * width;
    const y = height - pad - ((equity - low) / span) * (height - 2 * pad);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const line = `M${points.join("L")}`;
  const rising = last.equity >= first.equity;
  return { line, area: `${line}L${width} ${height}L0 ${height}Z`, rising };
}

interface SparkProps {
  curve: readonly EquityPoint[];
  height: number;
  label: string;
}

const WIDTH = 600;

export function Spark({ curve, height, label }: SparkProps): ReactNode {
  const id = useId();
  const shape = sparkShape(curve, WIDTH, height);
  if (!shape) return <div className="spark" style={{ height }} />;
  return (
    <svg
      className={`spark ${shape.rising ? "up" : "down"}`}
      viewBox={`0 0 ${WIDTH} ${height}`}
      style={{ height }}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <defs>
        <linearGradient id={id} x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" stopColor="currentColor" stopOpacity="0.28" />
          <stop offset="1" stopColor="currentColor" stopOpacity="0" />
        </linearGradient>
      </defs>
      <path d={shape.area} fill={`url(#${id})`} />
      <path d={shape.line} fill="none" stroke="currentColor" strokeWidth="1.6" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
