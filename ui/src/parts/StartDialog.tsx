/** Starts a session beside those that run. What is left as it is comes from the configuration, and is not sent. */
import { useState, type FormEvent, type ReactNode } from "react";
import { startSession } from "../data/client";
import { ApiError, get } from "../data/rest";
import type { StartOptions, StartSession } from "../data/types";
import { wanted, type Wish } from "./wish";
import { Dialog, Empty, Skeleton } from "./basics";
import { useResource } from "./useResource";

const FORM = "start-session";

export function StartDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { data, error } = useResource(() => get("/api/start-options"));
  const [busy, setBusy] = useState(false);
  return (
    <Dialog
      title="Start a session"
      onClose={onClose}
      actions={
        <>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" form={FORM} className="button primary" disabled={busy || !data}>
            {busy ? "Starting; this may take a minute…" : "Start"}
          </button>
        </>
      }
    >
      {data ? (
        <Form options={data} onBusy={setBusy} onDone={onClose} />
      ) : error ? (
        <Empty title="Sessions cannot be started now">{error}</Empty>
      ) : (
        <Skeleton rows={6} />
      )}
    </Dialog>
  );
}

const NOTHING: Wish = { strategy: "", symbols: "", timeframe: "", source: "", mode: "", balance: "", parameters: "" };

interface FormProps {
  options: StartOptions;
  onBusy: (busy: boolean) => void;
  onDone: () => void;
}

function Form({ options, onBusy, onDone }: FormProps): ReactNode {
  const { configured } = options;
  const [wish, setWish] = useState<Wish>(NOTHING);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const read = wanted(wish);
    if ("errors" in read) {
      setErrors(read.errors);
      return;
    }
    setErrors({});
    onBusy(true);
    try {
      await startSession(read.body);
      onDone();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const fields = error instanceof ApiError ? error.fields : {};
      setErrors(Object.keys(fields).length > 0 ? fields : { all: message });
    }
    onBusy(false);
  };
  const field = { wish, errors, onChange: (change: Partial<Wish>): void => setWish((all) => ({ ...all, ...change })) };
  const own = wish.strategy !== "" && wish.strategy !== configured.strategy;
  return (
    <form id={FORM} className="start" onSubmit={(event) => void submit(event)} noValidate>
      <Choice {...field} name="strategy" label="Strategy" all={options.strategies} configured={configured.strategy} />
      <Choice {...field} name="mode" label="Mode" all={options.modes} configured={configured.mode} />
      <Choice {...field} name="source" label="Market data" all={options.sources} configured={configured.source} />
      <Text {...field} name="symbols" label="Symbols" hint={configured.symbols.join(", ") || "all of the source"} />
      <Text
        {...field}
        name="timeframe"
        label="Timeframe"
        hint={(own ? null : configured.timeframe) ?? "the strategy's own"}
      />
      <Text {...field} name="balance" label="Paper balance" hint={String(configured.balance)} />
      <Text {...field} name="parameters" label="Parameters" hint="name=value, name=value" />
      {errors["all"] && (
        <p className="error" role="alert">
          {errors["all"]}
        </p>
      )}
    </form>
  );
}

interface FieldProps {
  wish: Wish;
  errors: Record<string, string>;
  onChange: (change: Partial<Wish>) => void;
  name: keyof StartSession;
  label: string;
}

function Choice({ wish, errors, onChange, name, label, all, configured }: FieldProps & { all: string[]; configured: string }): ReactNode {
  return (
    <label className="field">
      <span>{label}</span>
      <select value={wish[name]} onChange={(event) => onChange({ [name]: event.target.value })}>
        <option value="">{configured} (as configured)</option>
        {all
          .filter((one) => one !== configured)
          .map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
      </select>
      {errors[name] && <small className="error">{errors[name]}</small>}
    </label>
  );
}

function Text({ wish, errors, onChange, name, label, hint }: FieldProps & { hint: string }): ReactNode {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type="text"
        value={wish[name]}
        placeholder={hint}
        aria-invalid={errors[name] !== undefined}
        onChange={(event) => onChange({ [name]: event.target.value })}
      />
      {errors[name] && <small className="error">{errors[name]}</small>}
    </label>
  );
}
