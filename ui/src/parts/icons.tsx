/** The few icons of the page, drawn here so that nothing is loaded from elsewhere. Decorative: names come from labels. */
import type { ReactNode } from "react";

function Icon({ children, size = 16 }: { children: ReactNode; size?: number }): ReactNode {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
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

export const Sun = (): ReactNode => (
  <Icon>
    <circle cx="8" cy="8" r="2.75" />
    <path d="M8 1.500v1.250M8 13.250v1.250M1.500 8h1.250M13.250 8h1.250M3.400 3.400l.9.9M11.700 11.700l.9.9M3.400 12.600l.9-.9M11.700 4.300l.9-.9" />
  </Icon>
);
export const Moon = (): ReactNode => (
  <Icon>
    <path d="M13.500 9.600A5.800 5.800 0 0 1 6.400 2.500a5.800 5.800 0 1 0 7.100 7.100z" />
  </Icon>
);
export const Power = (): ReactNode => (
  <Icon>
    <path d="M8 1.750v5.500M4.300 4.200a5.250 5.250 0 1 0 7.400 0" />
  </Icon>
);
export const Chevron = (): ReactNode => (
  <Icon size={12}>
    <path d="m4 6 4 4 4-4" />
  </Icon>
);
export const Layers = (): ReactNode => (
  <Icon>
    <path d="m8 2 6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3" />
  </Icon>
);
export const Close = (): ReactNode => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const Check = (): ReactNode => (
  <Icon>
    <path d="m3.500 8.500 3 3 6-7" />
  </Icon>
);
export const ToEnd = (): ReactNode => (
  <Icon>
    <path d="m3.500 4 4 4-4 4M8.500 4l4 4-4 4" />
  </Icon>
);
export const Warning = (): ReactNode => (
  <Icon>
    <path d="M8 2 1.750 13.250h12.500zM8 6.500v3M8 11.400v.1" />
  </Icon>
);
export const ChartIcon = (): ReactNode => (
  <Icon size={18}>
    <path d="M4.500 2.500v2.500M4.500 11v2.500M3 5h3v6H3zM11.500 2v3M11.500 9.500V13M10 5h3v4.500h-3z" />
  </Icon>
);
export const WalletIcon = (): ReactNode => (
  <Icon size={18}>
    <path d="M2 5.500A1.500 1.500 0 0 1 3.500 4h9A1.500 1.500 0 0 1 14 5.500v6a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 2 11.500zM2 6.500h12M10.500 9.750h1" />
  </Icon>
);
export const ListIcon = (): ReactNode => (
  <Icon size={18}>
    <path d="M5.500 4h8M5.500 8h8M5.500 12h8M2.500 4h.1M2.500 8h.1M2.500 12h.1" />
  </Icon>
);
