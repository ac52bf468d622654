import { describe, expect, it } from "vitest";
import { explain, fieldsOf } from "../src/data/rest";
import { changes, FIELDS, fromInput, toInput, type Field } from "../src/panels/fields";

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
    expect(fromInput(field("max_open_positions"), "1.5")).toEqual({ error: "Open positions must be a whole number." });
    expect(fromInput(field("reward_risk"), "x")).toEqual({ error: "Reward : risk must be a number." });
    expect(fromInput(field("reward_risk"), " ")).toEqual({ error: "Reward : risk is missing." });
  });

  it("allow a decimal comma, and nothing where that means off", () => {
    expect(fromInput(field("reward_risk"), "2,5")).toEqual({ value: 2.5 });
    expect(fromInput(field("min_sharpe"), "")).toEqual({ value: null });
  });

  it("send only what changed", () => {
    expect(changes({ a: 1, b: true, c: null, d: 1 }, { a: 2, b: 1, c: null, d: false })).toEqual({ a: 2, d: false });
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
    expect(explain(422, { detail: [{ loc: ["body", "x"], msg: "is wrong" }] }).message).toBe("x: is wrong");
    expect(explain(502, null).message).toContain("does not answer");
    expect(explain(418, "teapot").message).toBe("The request failed (418).");
  });
});
