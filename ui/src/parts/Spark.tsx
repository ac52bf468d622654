/** A line of values as SVG: the equity curve small beside the balance and large under Performance. */
import { useId, type ReactNode } from "react";

export interface SparkShape {
  line: string;
  area: string;
  rising: boolean;
}

/** Path data for `values` in a box of `width` × `height`, or null with fewer than two. */
export function sparkShape(values: readonly number[], width: number, height: number, pad = 3): SparkShape | null {
  const clean = values.filter((value) => Number.isFinite(value));
  if (clean.length < 2) return null;
  const low = Math.min(...clean);
  const high = Math.max(...clean);
  const span = high - low || 1;
  const points = clean.map((value, i) => {
    const x = (i / (clean.length - 1)) * width;
    const y = height - pad - ((value - low) / span) * (height - 2 * pad);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const line = `M${points.join("L")}`;
  const rising = (clean.at(-1) as number) >= (clean[0] as number);
  return { line, area: `${line}L${width} ${height}L0 ${height}Z`, rising };
}

interface SparkProps {
  values: readonly number[];
  height: number;
  label: string;
}

const WIDTH = 600;

export function Spark({ values, height, label }: SparkProps): ReactNode {
  const id = useId();
  const shape = sparkShape(values, WIDTH, height);
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
