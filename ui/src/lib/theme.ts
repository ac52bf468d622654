/** Dark or light: the system's choice until a person makes one, which is remembered. */
import { createStore } from "../data/store";

export type Theme = "dark" | "light";
const system = matchMedia("(prefers-color-scheme: light)");

function current(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "dark" || chosen === "light") return chosen;
  return system.matches ? "light" : "dark";
}

export const theme = createStore<Theme>(current());
system.addEventListener("change", () => theme.set(current()));

export function toggleTheme(): void {
  const next: Theme = current() === "dark" ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  theme.set(next);
  try {
    localStorage.setItem("triplane.theme", next);
  } catch {
    // storage is blocked: the choice lasts until the page is left
  }
}
