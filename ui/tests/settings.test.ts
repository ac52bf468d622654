import { describe, expect, it } from "vitest";
import { explain, fieldsOf } from "../src/data/rest";
import { changes, FIELDS, fromInput, toInput, type Field } from "../src/panels/fields";
import { but, recorded } from "./recorded";

const field = (name: string): Field => FIELDS.find((f) => f.name === name) as Field;

describe("settings", () => {
  it("show fractions in percent and send them back unchanged", () => {
    for (const value of [0.01, 0.003, 0.1, 0.07]) {
      const text = toInput(field("risk_per_trade"), value);
      expect(fromInput(field("risk_per_trade"), text)).toEqual({ value });
    }
    expect(toInput(field("risk_per_trade"), 0.07)).toBe("7");
  });

  it("refuse wrong values in a sentence that names the field", () => {
    expect(fromInput(field("risk_per_trade"), "150")).toEqual({ error: "Risk per trade must be at most 100 %." });
    expect(fromInput(field("risk_per_trade"), "0")).toEqual({ error: "Risk per trade must be more than 0 %." });
    expect(fromInput(field("default_stop"), "100")).toEqual({ error: "Default stop must be less than 100 %." });
    expect(fromInput(field("max_trades_day"), "0")).toEqual({ error: "Trades a day must be at least 1." });
    expect(fromInput(field("max_open_positions"), "1.5")).toEqual({ error: "Open positions must be a whole number." });
    expect(fromInput(field("reward_risk"), "x")).toEqual({ error: "Reward : risk must be a number." });
    expect(fromInput(field("reward_risk"), " ")).toEqual({ error: "Reward : risk is missing." });
  });

  it("are all in the form", () => {
    expect(FIELDS.map((f) => f.name).sort()).toEqual(
      Object.keys(recorded.settings).filter((name) => name !== "execution_mode").sort(),
    );
  });

  it("allow a decimal comma, and nothing where that means off", () => {
    expect(fromInput(field("reward_risk"), "2,5")).toEqual({ value: 2.5 });
    expect(fromInput(field("min_sharpe"), "")).toEqual({ value: null });
  });

  it("send only what changed", () => {
    const { settings } = recorded;
    const after = but(settings, { risk_per_trade: 0.02, break_even: !settings.break_even });
    expect(changes(settings, after)).toEqual({ risk_per_trade: 0.02, break_even: after.break_even });
  });
});

describe("errors", () => {
  it("of a field are told at the field", () => {
    const message = "risk_per_trade is 2; it must be at most 1. max_drawdown is -1.5; it must be at least 0.";
    expect(fieldsOf(message)).toEqual({
      risk_per_trade: "risk_per_trade is 2; it must be at most 1.",
      max_drawdown: "max_drawdown is -1.5; it must be at least 0.",
    });
    expect(explain(422, { code: "invalid", message }).fields["max_drawdown"]).toContain("at least 0");
  });

  it("are sentences whatever comes", () => {
    expect(explain(409, { code: "conflict", message: "No." }).message).toBe("No.");
    expect(explain(502, null).message).toContain("does not answer");
    expect(explain(418, "teapot").message).toBe("The request failed (418).");
  });
});
