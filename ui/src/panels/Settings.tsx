/** The risk profile and the execution mode of the session. */
import { useState, type FormEvent, type ReactNode } from "react";
import { complain, model, toast } from "../data/client";
import { ApiError, get, put } from "../data/rest";
import { useStore } from "../data/store";
import type { TradingSettings } from "../data/types";
import { Button, Checkbox, Empty, Labelled, Skeleton, useBusy } from "../parts/basics";
import { useResource } from "../parts/useResource";
import { changes, FIELDS, fromInput, GROUPS, toInput, type Field } from "./fields";

const UNITS: Record<Field["unit"], string> = { percent: "%", money: "USDT", count: "", ratio: "", switch: "" };

const MODES = [
  ["auto", "Automatic", "Decisions become orders."],
  ["manual", "Manual", "Signals wait until you execute them."],
] as const;

export function Settings(): ReactNode {
  const session = useStore(model, (m) => m.session);
  return <Saved key={session} session={session} />;
}

function Saved({ session }: { session: string | null }): ReactNode {
  const { data, error } = useResource(() => get("/settings/trading", { session }));
  const [changed, setChanged] = useState<TradingSettings | null>(null);
  const saved = changed ?? data;
  if (!saved) return error ? <Empty title="The settings could not be read">{error}</Empty> : <Skeleton rows={6} />;
  return <Form key={JSON.stringify(saved)} session={session} saved={saved} onSaved={setChanged} />;
}

interface FormProps {
  session: string | null;
  saved: TradingSettings;
  onSaved: (values: TradingSettings) => void;
}

type Entered = string | boolean;

/** What the engine wants typed before a limit gets looser. */
const LOOSEN = "I loosen the limits";

function atFirst(saved: TradingSettings): Record<string, Entered> {
  const values = FIELDS.map((f) => [f.name, f.unit === "switch" ? saved[f.name] === true : toInput(f, saved[f.name])]);
  return Object.fromEntries(values);
}

function Form({ session, saved, onSaved }: FormProps): ReactNode {
  const [entered, setEntered] = useState(() => atFirst(saved));
  const [mode, setMode] = useState(saved.execution_mode);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [asked, setAsked] = useState("");
  const [typed, setTyped] = useState("");
  const [busy, run] = useBusy();

  const values: Record<string, unknown> = { execution_mode: mode };
  const wrong: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = entered[field.name] ?? "";
    const read = typeof value === "string" ? fromInput(field, value) : { value };
    if ("error" in read) wrong[field.name] = read.error;
    else values[field.name] = read.value;
  }
  const changed = changes(saved, values);
  const mistaken = Object.keys(wrong).length > 0;
  const dirty = mistaken || Object.keys(changed).length > 0;

  const save = async (): Promise<void> => {
    try {
      const body = asked === "" ? changed : { ...changed, confirm: typed };
      onSaved(await put("/settings/trading", { query: { session }, body }));
      toast("good", "Saved", "The new settings apply from the next candle on.");
    } catch (error) {
      if (error instanceof ApiError) {
        setErrors(error.fields);
        if (error.message.includes(LOOSEN)) return setAsked(error.message);
      }
      complain(error, "The settings were not saved");
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setErrors(wrong);
    if (!mistaken) run(save);
  };

  return (
    <form className="settings" onSubmit={submit} noValidate>
      <fieldset className="modes">
        <legend>Execution</legend>
        {MODES.map(([value, label, hint]) => (
          <label key={value} className="check radio row">
            <input type="radio" name="execution_mode" checked={mode === value} onChange={() => setMode(value)} />
            <span className="grow">
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
              value={entered[field.name] ?? ""}
              error={errors[field.name]}
              onChange={(value) => setEntered((all) => ({ ...all, [field.name]: value }))}
            />
          ))}
        </fieldset>
      ))}
      {asked !== "" && (
        <fieldset>
          <legend>Less strict than now</legend>
          <Labelled look="setting" label={`Type "${LOOSEN}"`}>
            <input type="text" autoFocus value={typed} onChange={(event) => setTyped(event.target.value)} />
            <small role="alert">{asked}</small>
          </Labelled>
        </fieldset>
      )}
      <footer className="foot row end">
        <span className="muted" role="status">
          {dirty ? "Not saved yet" : "All saved"}
        </span>
        <Button type="submit" look="primary" disabled={!dirty || busy || (asked !== "" && typed !== LOOSEN)}>
          {busy ? "Saving…" : "Save settings"}
        </Button>
      </footer>
    </form>
  );
}

interface InputProps {
  field: Field;
  value: Entered;
  error: string | undefined;
  onChange: (value: Entered) => void;
}

function Input({ field, value, error, onChange }: InputProps): ReactNode {
  const hint = `hint-${field.name}`;
  if (typeof value === "boolean")
    return (
      <Checkbox look="setting" on={value} onChange={onChange}>
        {field.label}
        <small>{field.hint}</small>
      </Checkbox>
    );
  return (
    <Labelled look="setting" label={field.label}>
      <span className="with-unit">
        <input
          type="text"
          inputMode="decimal"
          className="num"
          value={value}
          placeholder={field.optional === true ? "off" : ""}
          aria-invalid={error !== undefined}
          aria-describedby={hint}
          onChange={(event) => onChange(event.target.value)}
        />
        <em>{UNITS[field.unit]}</em>
      </span>
      <small id={hint} className={error ? "error" : ""}>
        {error ?? field.hint}
      </small>
    </Labelled>
  );
}
