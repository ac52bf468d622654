/** Requests to the API. Every failure becomes an `ApiError` whose message is a sentence that can be shown. */
import type { paths } from "./schema";

export class ApiError extends Error {
  override readonly name = "ApiError";

  /** With `fields` for a form: field → sentence. */
  constructor(
    readonly status: number,
    message: string,
    readonly fields: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** What went wrong, as it can be shown. */
export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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

/** What the body of a failed answer says: `{code, message}`, unless it comes from something in between. */
export function explain(status: number, body: unknown): ApiError {
  const message = (body as { message?: unknown } | null)?.message;
  if (typeof message !== "string") return new ApiError(status, SENTENCES[status] ?? `The request failed (${status}).`);
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

type Method = "get" | "post" | "put";
/** The paths that have this method. */
type PathOf<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, object> ? P : never }[keyof paths];
type Json<R> = R extends { content: { "application/json": infer A } } ? A : undefined;
type Answer<O> = O extends { responses: { 200: infer R } } ? Json<R> : never;
type Query<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type Places<O> = O extends { parameters: { path: infer P } } ? P : Record<string, never>;
type Body<O> = O extends { requestBody?: infer B } ? Json<NonNullable<B>> : undefined;

interface Sent<O> {
  path?: Places<O>;
  query?: Query<O>;
  body?: Body<O>;
  /** Milliseconds until it counts as unanswered. */
  within?: number;
}

const WITHIN = 15_000;

function address(path: string, places: object = {}, query: object = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String((places as Record<string, unknown>)[name])),
  );
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
  return search ? `${filled}?${search}` : filled;
}

let denied: () => void = () => undefined;

/** Called whenever the API says 401. */
export function onDenied(handler: () => void): void {
  denied = handler;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // nothing, or a proxy's page: the status says enough
  }
}

async function request<A>(method: string, url: string, body?: unknown, within = WITHIN): Promise<A> {
  const headers: Record<string, string> = { accept: "application/json" };
  const init: RequestInit = { method, credentials: "same-origin", headers, signal: AbortSignal.timeout(within) };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch {
    throw new ApiError(0, SENTENCES[0] as string);
  }
  const parsed = parse(text);
  if (response.ok) return parsed as A;
  if (response.status === 401) denied();
  throw explain(response.status, parsed);
}

/** Read; path, query and answer are those of the API's description. */
export function get<P extends PathOf<"get">>(
  path: P,
  query?: Query<paths[P]["get"]>,
): Promise<Answer<paths[P]["get"]>> {
  return request("GET", address(path, {}, query));
}

const sender =
  <M extends "post" | "put">(method: M) =>
  <P extends PathOf<M>>(path: P, sent: Sent<paths[P][M]> = {}): Promise<Answer<paths[P][M]>> => {
    const url = address(path, sent.path, sent.query as object | undefined);
    return request(method.toUpperCase(), url, sent.body ?? {}, sent.within);
  };

export const post = sender("post");
export const put = sender("put");
