/**
 * Reads something over REST for as long as a panel is open: at once when `key` changes, and again, at most every 1.5 s,
 * when `version` does (many trades may close in a second).
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { sentence } from "../data/rest";

export interface Resource<T> {
  data: T | null;
  error: string | null;
}

interface Options {
  key?: string | number | null;
  version?: number;
  /** Milliseconds between readings without any other cause; 0: none. */
  every?: number;
}

const PAUSE = 1500;

export function useResource<T>(read: () => Promise<T>, { key = "", version = 0, every = 0 }: Options = {}): Resource<T> {
  const [state, setState] = useState<Resource<T>>({ data: null, error: null });
  const latest = useRef(read);
  const started = useRef(0);
  const asked = useRef({ key, at: 0 });
  useEffect(() => {
    latest.current = read;
  });
  const run = useCallback(() => {
    const mine = ++started.current;
    asked.current.at = Date.now();
    latest.current().then(
      (data) => mine === started.current && setState({ data, error: null }),
      (error: unknown) => {
        if (mine === started.current) setState((s) => ({ ...s, error: sentence(error) }));
      },
    );
  }, []);
  useEffect(() => {
    const same = asked.current.key === key;
    asked.current.key = key;
    const timer = setTimeout(run, same ? Math.max(0, asked.current.at + PAUSE - Date.now()) : 0);
    return () => clearTimeout(timer);
  }, [key, version, run]);
  useEffect(() => {
    const timer = every > 0 ? setInterval(run, every) : undefined;
    return () => clearInterval(timer);
  }, [every, run]);
  return state;
}
