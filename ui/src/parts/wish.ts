/** What a person asks of a new session, as texts; only what was said is sent. Pure, so that it can be tested. */
import type { StartSession } from "../data/types";

export type Wish = Record<Exclude<keyof StartSession, "portfolio">, string>;

export function wanted(wish: Wish): { body: StartSession } | { errors: Record<string, string> } {
  const body: StartSession = {};
  const errors: Record<string, string> = {};
  const said = (name: keyof Wish): string => wish[name].trim();
  for (const name of ["strategy", "source", "timeframe", "account"] as const) if (said(name)) body[name] = said(name);
  if (said("mode")) body.mode = said("mode") as NonNullable<StartSession["mode"]>;
  if (said("symbols")) body.symbols = said("symbols").toUpperCase().split(/[\s,]+/).filter(Boolean);
  if (said("balance")) {
    const balance = Number(said("balance").replace(",", "."));
    if (balance > 0) body.balance = balance;
    else errors["balance"] = "The balance must be a number above 0.";
  }
  if (said("parameters")) {
    const pairs = said("parameters").split(/[\s,]+/).filter(Boolean).map((pair) => pair.split("="));
    const parameters = Object.fromEntries(pairs.map(([name, value]) => [name ?? "", Number(value)]));
    if (Object.entries(parameters).every(([name, value]) => name && Number.isFinite(value))) body.parameters = parameters;
    else errors["parameters"] = "Parameters are written as name=value, with numbers.";
  }
  return Object.keys(errors).length > 0 ? { errors } : { body };
}
