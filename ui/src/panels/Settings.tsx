/** The risk profile and the execution mode of the session. */
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { complain, toast } from "../data/client";
import { ApiError, get, put } from "../data/rest";
import { Empty, Skeleton } from "../parts/basics";
import { changes, FIELDS, fromInput, GROUPS, toInput, type Field, type Settings as Values } from "./fields";

const UNITS: Record<Field["unit"], string> = { percent: "%", money: "USDT", count: "", ratio: "", switch: "" };

/** A switch goes back in the kind that it came in: true/false or 1/0. */
const sameKind = (before: unknown, on: boolean): unknown => (typeof before === "number" ? Number(on) : on);

export function Settings(): ReactNode {
  const [saved, setSaved] = useState<Values | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    get<Values>("/settings/trading").then(setSaved, (e: unknown) => setFailed(e instanceof Error ? e.message : String(e)));
  }, []);
  if (!saved) return failed ? <Empty title="The settings could not be read">{failed}</Empty> : <Skeleton rows={6} />;
  return <Form key={JSON.stringify(saved)} saved={saved} onSaved={setSaved} />;
}

function Form({ saved, onSaved }: { saved: Values; onSaved: (values: Values) => void }): ReactNode {
  const fields = FIELDS.filter((field) => field.name in saved);
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(fields.map((field) => [field.name, toInput(field, saved[field.name])])),
  );
  const [switches, setSwitches] = useState<Record<string, boolean>>(() =>
    Object.fromEntries(fields.filter((f) => f.unit === "switch").map((f) => [f.name, Boolean(saved[f.name])])),
  );
  const [mode, setMode] = useState(String(saved["execution_mode"] ?? "auto"));
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);

  const collect = (): { values: Values; wrong: Record<string, string> } => {
    const values: Values = "execution_mode" in saved ? { execution_mode: mode } : {};
    const wrong: Record<string, string> = {};
    for (const field of fields) {
      if (field.unit === "switch") values[field.name] = sameKind(saved[field.name], switches[field.name] ?? false);
      else {
        const read = fromInput(field, texts[field.name] ?? "");
        if ("error" in read) wrong[field.name] = read.error;
        else values[field.name] = read.value;
      }
    }
    return { values, wrong };
  };
  const dirty = Object.keys(changes(saved, collect().values)).length > 0 || Object.keys(collect().wrong).length > 0;

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const { values, wrong } = collect();
    setErrors(wrong);
    if (Object.keys(wrong).length > 0) return;
    setBusy(true);
    try {
      const answer = await put<Values | null>("/settings/trading", changes(saved, values));
      toast("good", "Saved", "The new settings apply from the next decision.");
      onSaved(answer && "risk_per_trade" in answer ? answer : { ...saved, ...values });
    } catch (error) {
      if (error instanceof ApiError) setErrors(error.fields);
      complain(error, "The settings were not saved");
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="settings" onSubmit={(event) => void submit(event)} noValidate>
      <fieldset className="modes">
        <legend>Execution</legend>
        {(
          [
            ["auto", "Automatic", "Decisions become orders."],
            ["manual", "Manual", "Signals wait until you execute them."],
          ] as const
        ).map(([value, label, hint]) => (
          <label key={value} className="radio">
            <input type="radio" name="execution_mode" checked={mode === value} onChange={() => setMode(value)} />
            <span>
              <strong>{label}</strong>
              <small>{hint}</small>
            </span>
          </label>
        ))}
      </fieldset>
      {GROUPS.map((group) => (
        <fieldset key={group}>
          <legend>{group}</legend>
          {fields
            .filter((field) => field.group === group)
            .map((field) => (
              <Input
                key={field.name}
                field={field}
                text={texts[field.name] ?? ""}
                on={switches[field.name] ?? false}
                error={errors[field.name]}
                onText={(text) => setTexts((all) => ({ ...all, [field.name]: text }))}
                onSwitch={(on) => setSwitches((all) => ({ ...all, [field.name]: on }))}
              />
            ))}
        </fieldset>
      ))}
      <footer>
        <span className="muted" role="status">
          {dirty ? "Not saved yet" : "All saved"}
        </span>
        <button type="submit" className="button primary" disabled={!dirty || busy}>
          {busy ? "Saving…" : "Save settings"}
        </button>
      </footer>
    </form>
  );
}

interface InputProps {
  field: Field;
  text: string;
  on: boolean;
  error: string | undefined;
  onText: (text: string) => void;
  onSwitch: (on: boolean) => void;
}

function Input({ field, text, on, error, onText, onSwitch }: InputProps): ReactNode {
  const hint = `hint-${field.name}`;
  if (field.unit === "switch")
    return (
      <label className="check setting">
        <input type="checkbox" checked={on} onChange={(event) => onSwitch(event.target.checked)} />
        <span>
          {field.label}
          <small>{field.hint}</small>
        </span>
      </label>
    );
  return (
    <label className="field setting">
      <span>{field.label}</span>
      <span className="with-unit">
        <input
          type="text"
          inputMode="decimal"
          className="num"
          value={text}
          placeholder={field.optional === true ? "off" : ""}
          aria-invalid={error !== undefined}
          aria-describedby={hint}
          onChange={(event) => onText(event.target.value)}
        />
        <em>{UNITS[field.unit]}</em>
      </span>
      <small id={hint} className={error ? "error" : ""}>
        {error ?? field.hint}
      </small>
    </label>
  );
}
