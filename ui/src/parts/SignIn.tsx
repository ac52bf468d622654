/** Shown when the API does not know this browser. */
import { useState, type FormEvent, type ReactNode } from "react";
import { signIn } from "../data/client";
import { Logo } from "./icons";

export function SignIn(): ReactNode {
  const [token, setToken] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    // a whole pasted address is fine too
    const value = /[?&]token=([^&\s]+)/.exec(token)?.[1] ?? token.trim();
    setBusy(true);
    setError(value ? await signIn(decodeURIComponent(value)) : "Paste the token first.");
    setBusy(false);
  };
  return (
    <main className="signin">
      <form onSubmit={(event) => void submit(event)} noValidate>
        <div className="brand">
          <Logo />
          <span>Triplane</span>
        </div>
        <h1>Sign in</h1>
        <p>
          When Triplane started, it printed an address that ends in <code>?token=…</code>. Open that address, or paste it
          here.
        </p>
        <label className="field">
          <span>Address or token</span>
          <input
            type="password"
            autoComplete="current-password"
            value={token}
            autoFocus
            aria-invalid={error !== null}
            aria-describedby={error ? "signin-error" : undefined}
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        {error && (
          <p className="error" id="signin-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="button primary wide" disabled={busy}>
          {busy ? "One moment…" : "Sign in"}
        </button>
        <p className="muted small">
          The token is kept in the file <code>token</code> of Triplane's data folder.
        </p>
      </form>
    </main>
  );
}
