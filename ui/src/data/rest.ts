/** Requests to the API. Every failure becomes an `ApiError` whose message is a sentence that can be shown. */

export class ApiError extends Error {
  readonly status: number;
  /** Field → sentence, for a form. */
  readonly fields: Record<string, string>;

  constructor(status: number, message: string, fields: Record<string, string> = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.fields = fields;
  }
}

const SENTENCES: Record<number, string> = {
  0: "Triplane does not answer. Is it still running?",
  401: "Please sign in again.",
  403: "This page may not do that.",
  404: "That no longer exists.",
  409: "That is not possible right now.",
  429: "Too many requests. Try again in a moment.",
  502: "Triplane does not answer. Is it still running?",
  503: "Triplane is not ready yet.",
};

/** What the body of a failed answer says: FastAPI's `detail` (text or list), or `message`. */
export function explain(status: number, body: unknown): ApiError {
  const fallback = SENTENCES[status] ?? `The request failed (${status}).`;
  if (typeof body !== "object" || body === null) return new ApiError(status, fallback);
  const { detail, message } = body as { detail?: unknown; message?: unknown };
  if (typeof detail === "string") return new ApiError(status, detail);
  if (Array.isArray(detail)) {
    const fields: Record<string, string> = {};
    for (const item of detail as { loc?: unknown[]; msg?: string }[]) {
      const name = String(item.loc?.at(-1) ?? "");
      if (name) fields[name] = item.msg ?? "is not allowed";
    }
    const text = Object.entries(fields).map(([name, why]) => `${name}: ${why}`);
    return new ApiError(status, text.join("; ") || fallback, fields);
  }
  if (typeof detail === "object" && detail !== null) return explain(status, detail);
  if (typeof message !== "string") return new ApiError(status, fallback);
  return new ApiError(status, message, status === 422 ? fieldsOf(message) : {});
}

/** "max_drawdown is 3; it must be at most 1. Other is …" → the sentence of each field. */
export function fieldsOf(message: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const sentence of message.split(/(?<=\.) (?=[a-z][a-z0-9_]* is )/)) {
    const name = /^([a-z][a-z0-9_]*) is /.exec(sentence)?.[1];
    if (name) fields[name] = sentence;
  }
  return fields;
}

export type Query = Record<string, string | number | null | undefined>;

function withQuery(path: string, query: Query): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return search ? `${path}?${search}` : path;
}

let denied: () => void = () => undefined;

/** Called whenever the API says 401. */
export function onDenied(handler: () => void): void {
  denied = handler;
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { accept: "application/json" } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { accept: "application/json", "content-type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0, SENTENCES[0] as string);
  }
  const text = await response.text();
  let parsed: unknown = null;
  try {
    parsed = text ? JSON.parse(text) : null;
  } catch {
    parsed = null; // a proxy's page: the status says enough
  }
  if (response.ok) return parsed as T;
  if (response.status === 401) denied();
  throw explain(response.status, parsed);
}

export const get = <T>(path: string, query: Query = {}): Promise<T> => request<T>("GET", withQuery(path, query));
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>("POST", path, body);
export const put = <T>(path: string, body: unknown): Promise<T> => request<T>("PUT", path, body);
