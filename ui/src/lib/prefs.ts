/** What a person chose to see; kept in the browser, and working without storage too. */
import { createStore } from "../data/store";

const DEFAULTS = {
  zones: { OB: true, FVG: true, BREAKER: true },
  ended: true,
  markers: true,
  volume: true,
  indicators: {} as Record<string, boolean>,
  tab: "decisions",
  dock: 268,
};
export type Prefs = typeof DEFAULTS;

function read(): Prefs {
  try {
    const saved = JSON.parse(localStorage.getItem("triplane.prefs") ?? "{}") as Partial<Prefs>;
    return { ...DEFAULTS, ...saved, zones: { ...DEFAULTS.zones, ...saved.zones } };
  } catch {
    return DEFAULTS;
  }
}

export const prefs = createStore(read());

export function setPrefs(change: Partial<Prefs>): void {
  prefs.update((p) => ({ ...p, ...change }));
  try {
    localStorage.setItem("triplane.prefs", JSON.stringify(prefs.get()));
  } catch {
    // storage is blocked: the choice lasts until the page is left
  }
}
