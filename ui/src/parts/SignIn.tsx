/** Shown when the API does not know this browser. */
import { useState, type ReactNode } from "react";
import { signIn } from "../data/client";
import { Button, ErrorText, Labelled, useBusy } from "./basics";
import { Logo } from "./icons";

export function SignIn(): ReactNode {
  const [token, setToken] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, run] = useBusy();
  const submit = async (): Promise<void> => {
    // a whole pasted address is fine too
    const value = /[?&]token=([^&\s]+)/.exec(token)?.[1] ?? token.trim();
    setError(value ? await signIn(decodeURIComponent(value)) : "Paste the token first.");
  };
  return (
    <main className="signin">
      <form
        className="sheet"
        onSubmit={(event) => {
          event.preventDefault();
          run(submit);
        }}
        noValidate
      >
        <div className="brand row">
          <Logo />
          <span>Triplane</span>
        </div>
        <h1>Sign in</h1>
        <p>
          When Triplane started, it printed an address that ends in <code>?token=…</code>. Open that address, or paste it
          here.
        </p>
        <Labelled label="Address or token">
          <input
            type="password"
            autoComplete="current-password"
            value={token}
            autoFocus
            aria-invalid={error !== null}
            aria-describedby={error ? "signin-error" : undefined}
            onChange={(event) => setToken(event.target.value)}
          />
        </Labelled>
        <ErrorText text={error} id="signin-error" />
        <Button type="submit" look="primary wide" disabled={busy}>
          {busy ? "One moment…" : "Sign in"}
        </Button>
        <p className="muted small">
          The token is kept in the file <code>token</code> of Triplane's data folder.
        </p>
      </form>
    </main>
  );
}
