/** Starts a session beside those that run. What is left as it is comes from the configuration, and is not sent. */
import { useState, type FormEvent, type ReactNode } from "react";
import { startSession } from "../data/client";
import { ApiError, get, sentence } from "../data/rest";
import type { StartOptions } from "../data/types";
import { wanted, type Wish } from "./wish";
import { Button, Dialog, Empty, ErrorText, Labelled, Skeleton, useBusy } from "./basics";
import { useResource } from "./useResource";

const FORM = "start-session";
const NOTHING: Wish = { strategy: "", symbols: "", timeframe: "", source: "", mode: "", account: "", balance: "", parameters: "" };

export function StartDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { data, error } = useResource(() => get("/api/start-options"));
  const [wish, setWish] = useState<Wish>(NOTHING);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [busy, run] = useBusy();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const read = wanted(wish);
    setErrors("errors" in read ? read.errors : {});
    if ("body" in read) run(() => startSession(read.body).then(onClose, refused));
  };
  const refused = (error: unknown): void => {
    const fields = error instanceof ApiError ? error.fields : {};
    setErrors(Object.keys(fields).length > 0 ? fields : { all: sentence(error) });
  };
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button type="submit" form={FORM} look="primary" disabled={busy || !data}>
        {busy ? "Starting; this may take a minute…" : "Start"}
      </Button>
    </>
  );
  return (
    <Dialog title="Start a session" onClose={onClose} actions={actions}>
      {data ? (
        <form id={FORM} className="start" onSubmit={submit} noValidate>
          {inputs(data, wish).map((input) => (
            <Input
              key={input.name}
              {...input}
              value={wish[input.name]}
              error={errors[input.name]}
              onChange={(value) => setWish({ ...wish, [input.name]: value })}
            />
          ))}
          <ErrorText text={errors["all"]} />
        </form>
      ) : error ? (
        <Empty title="Sessions cannot be started now">{error}</Empty>
      ) : (
        <Skeleton rows={6} />
      )}
    </Dialog>
  );
}

interface Question {
  name: keyof Wish;
  label: string;
  /** What applies when nothing is said. */
  configured: string;
  /** Of which one is chosen; without them it is written. */
  among?: readonly string[];
}

function inputs({ configured, strategies, modes, sources }: StartOptions, wish: Wish): Question[] {
  const own = wish.strategy !== "" && wish.strategy !== configured.strategy;
  const timeframe = (own ? null : configured.timeframe) ?? "the strategy's own";
  return [
    { name: "strategy", label: "Strategy", configured: configured.strategy, among: strategies },
    { name: "mode", label: "Mode", configured: configured.mode, among: modes },
    { name: "source", label: "Market data", configured: configured.source, among: sources },
    { name: "symbols", label: "Symbols", configured: configured.symbols.join(", ") || "all of the source" },
    { name: "timeframe", label: "Timeframe", configured: timeframe },
    { name: "account", label: "Account", configured: "the first that is free" },
    { name: "balance", label: "Paper balance", configured: String(configured.balance) },
    { name: "parameters", label: "Parameters", configured: "name=value, name=value" },
  ];
}

interface InputProps extends Question {
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

function Input({ label, configured, among, value, error, onChange }: InputProps): ReactNode {
  const change = (event: { target: { value: string } }): void => onChange(event.target.value);
  return (
    <Labelled label={label}>
      {among ? (
        <select value={value} onChange={change}>
          <option value="">{configured} (as configured)</option>
          {among
            .filter((one) => one !== configured)
            .map((one) => (
              <option key={one}>{one}</option>
            ))}
        </select>
      ) : (
        <input type="text" value={value} placeholder={configured} aria-invalid={error !== undefined} onChange={change} />
      )}
      {error && <small className="error">{error}</small>}
    </Labelled>
  );
}
