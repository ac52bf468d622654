/** The few icons of the page, drawn here so that nothing is loaded from elsewhere. Decorative: names come from labels. */
import type { ReactNode } from "react";

/** Lines in a box of 16 × 16. */
const PATHS = {
  sun: "M10.750 8a2.750 2.750 0 1 1-5.500 0 2.750 2.750 0 0 1 5.500 0zM8 1.500v1.250M8 13.250v1.250M1.500 8h1.250M13.250 8h1.250M3.400 3.400l.9.9M11.700 11.700l.9.9M3.400 12.600l.9-.9M11.700 4.300l.9-.9",
  moon: "M13.500 9.600A5.800 5.800 0 0 1 6.400 2.500a5.800 5.800 0 1 0 7.100 7.100z",
  power: "M8 1.750v5.500M4.300 4.200a5.250 5.250 0 1 0 7.400 0",
  chevron: "m4 6 4 4 4-4",
  layers: "m8 2 6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
  close: "m4 4 8 8M12 4l-8 8",
  check: "m3.500 8.500 3 3 6-7",
  toEnd: "m3.500 4 4 4-4 4M8.500 4l4 4-4 4",
  warning: "M8 2 1.750 13.250h12.500zM8 6.500v3M8 11.400v.1",
  chart: "M4.500 2.500v2.500M4.500 11v2.500M3 5h3v6H3zM11.500 2v3M11.500 9.500V13M10 5h3v4.500h-3z",
  wallet: "M2 5.500A1.500 1.500 0 0 1 3.500 4h9A1.500 1.500 0 0 1 14 5.500v6a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 2 11.500zM2 6.500h12M10.500 9.750h1",
  list: "M5.500 4h8M5.500 8h8M5.500 12h8M2.500 4h.1M2.500 8h.1M2.500 12h.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export const Logo = (): ReactNode => (
  <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M6 10 21.500 5.500 26 9 10.500 13.500z" fill="var(--logo-1)" />
    <path d="M6 17 21.500 12.500 26 16 10.500 20.500z" fill="var(--logo-2)" />
    <path d="M6 24 21.500 19.500 26 23 10.500 27.500z" fill="var(--logo-3)" />
  </svg>
);
