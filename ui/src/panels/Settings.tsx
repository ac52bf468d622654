/** The risk profile and the execution mode of the session. */
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { complain, model, toast } from "../data/client";
import { ApiError, get, put } from "../data/rest";
import { useStore } from "../data/store";
import type { TradingSettings } from "../data/types";
import { Empty, Skeleton } from "../parts/basics";
import { changes, FIELDS, fromInput, GROUPS, toInput, type Field } from "./fields";

const UNITS: Record<Field["unit"], string> = { percent: "%", money: "USDT", count: "", ratio: "", switch: "" };

export function Settings(): ReactNode {
  const session = useStore(model, (m) => m.session);
  return <Saved key={session} session={session} />;
}

function Saved({ session }: { session: string | null }): ReactNode {
  const [saved, setSaved] = useState<TradingSettings | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => {
    get("/settings/trading", { session }).then(setSaved, (e: unknown) =>
      setFailed(e instanceof Error ? e.message : String(e)),
    );
  }, [session]);
  if (!saved) return failed ? <Empty title="The settings could not be read">{failed}</Empty> : <Skeleton rows={6} />;
  return <Form key={JSON.stringify(saved)} session={session} saved={saved} onSaved={setSaved} />;
}

interface FormProps {
  session: string | null;
  saved: TradingSettings;
  onSaved: (values: TradingSettings) => void;
}

function Form({ session, saved, onSaved }: FormProps): ReactNode {
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(FIELDS.map((field) => [field.name, toInput(field, saved[field.name])])),
  );
  const [switches, setSwitches] = useState<Record<string, boolean>>(() =>
    Object.fromEntries(FIELDS.filter((f) => f.unit === "switch").map((f) => [f.name, saved[f.name] === true])),
  );
  const [mode, setMode] = useState(saved.execution_mode);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);

  const collect = (): { values: Partial<TradingSettings>; wrong: Record<string, string> } => {
    const values: Record<string, unknown> = { execution_mode: mode };
    const wrong: Record<string, string> = {};
    for (const field of FIELDS) {
      if (field.unit === "switch") values[field.name] = switches[field.name];
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
      onSaved(await put("/settings/trading", { query: { session }, body: changes(saved, values) }));
      toast("good", "Saved", "The new settings apply from the next candle on.");
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
          {FIELDS.filter((field) => field.group === group).map((field) => (
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
