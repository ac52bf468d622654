import { afterEach, describe, expect, it, vi } from "vitest";
import { Socket, type SocketOptions } from "../src/data/socket";
import type { Message } from "../src/data/types";
import { recorded } from "./recorded";

const BASE = 1000;

/** The server's log of messages: recorded ones, numbered anew, of which it holds the last `ring`. */
class Hub {
  readonly log: Message[] = [];
  readonly connections = new Set<Connection>();
  readonly asked: { session: string | null; last_event_id: number | null }[] = [];

  constructor(
    private readonly ring: number,
    readonly mute = false,
  ) {}

  get lastId(): number {
    return BASE + this.log.length;
  }

  /** Say the next recorded messages. */
  say(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const message = recorded.messages[this.log.length % recorded.messages.length] as Message;
      this.log.push({ ...message, type: message.type === "heartbeat" ? "health" : message.type, id: this.lastId + 1 } as Message);
    }
    for (const connection of this.connections) connection.flush();
  }

  cut(): void {
    for (const connection of [...this.connections]) connection.close();
  }

  since(id: number): Message[] | null {
    return this.lastId - id > this.ring ? null : this.log.slice(id - BASE);
  }
}

/** A browser's socket whose other end is the hub. */
class Connection {
  readyState = 0;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  private cursor: number | null = null;

  constructor(private readonly hub: Hub) {
    queueMicrotask(() => {
      this.readyState = 1;
      hub.connections.add(this);
      this.onopen?.();
    });
  }

  send(text: string): void {
    const { session, last_event_id } = JSON.parse(text) as Hub["asked"][number];
    this.hub.asked.push({ session, last_event_id });
    this.cursor = last_event_id ?? this.cursor ?? this.hub.lastId;
    if (!this.hub.mute) this.deliver({ id: this.cursor, type: "heartbeat", data: {} });
    this.flush();
  }

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.hub.connections.delete(this);
    this.onclose?.();
  }

  flush(): void {
    if (this.cursor === null || this.hub.mute) return;
    const missed = this.hub.since(this.cursor);
    this.cursor = this.hub.lastId;
    if (missed === null) this.deliver({ id: this.cursor, type: "resync", data: { reason: "too far behind" } });
    else for (const message of missed) this.deliver(message);
  }

  private deliver(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let socket: Socket | undefined;

afterEach(() => {
  socket?.stop();
  vi.useRealTimers();
});

function connect({ ring = 1e6, mute = false } = {}, options: Partial<SocketOptions> = {}) {
  vi.useFakeTimers();
  const hub = new Hub(ring, mute);
  const messages: Message[] = [];
  const links: string[] = [];
  socket = new Socket({
    url: "ws://hub",
    onMessage: (message) => message.type !== "heartbeat" && messages.push(message),
    onLink: (link) => links.push(link),
    random: () => 0.5,
    create: () => new Connection(hub) as unknown as WebSocket,
    ...options,
  });
  return { hub, socket, messages, links };
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe("socket", () => {
  it("misses nothing when the connection is cut, and hears nothing twice", async () => {
    const { hub, socket: live, messages, links } = connect();
    await live.listen("s");
    hub.say(30);
    hub.cut();
    hub.say(30); // while nobody listens
    await pass(1000);
    hub.say(1);
    expect(messages.map((m) => m.id)).toEqual(hub.log.map((m) => m.id));
    expect(links).toEqual(["connecting", "live", "reconnecting", "reconnecting", "live"]);
    expect(hub.asked.map((a) => a.last_event_id)).toEqual([null, BASE + 30]);
  });

  it("is told to read again when it was away for too long, and goes on behind that", async () => {
    const { hub, socket: live, messages } = connect({ ring: 20 });
    await live.listen(null);
    hub.cut();
    hub.say(25);
    await pass(1000);
    expect(messages.map((m) => m.type)).toEqual(["resync"]);
    hub.say(1);
    expect(messages.at(-1)?.id).toBe(hub.lastId);
  });

  it("takes a mute connection for dead within three seconds", async () => {
    const { socket: live, links } = connect({ mute: true });
    void live.listen(null);
    await pass(2999);
    expect(links).toEqual(["connecting", "live"]);
    await pass(1);
    expect(links).toEqual(["connecting", "live", "reconnecting"]);
  });

  it("asks for another session on the same connection, and waits until the server has heard it", async () => {
    const { hub, socket: live } = connect();
    await live.listen("a");
    await live.listen("a");
    await live.listen("b");
    expect(hub.asked).toEqual([
      { session: "a", last_event_id: null },
      { session: "b", last_event_id: null },
    ]);
    expect(hub.connections.size).toBe(1);
    hub.cut();
    await pass(1000);
    expect(hub.asked.at(-1)?.session).toBe("b");
  });

  it("does not wait for ever for a server that says nothing", async () => {
    const { socket: live } = connect({ mute: true });
    const done = vi.fn();
    void live.listen(null).then(done);
    await pass(1499);
    expect(done).not.toHaveBeenCalled();
    await pass(1);
    expect(done).toHaveBeenCalled();
  });

  it("waits longer after each attempt, and tries at once when the network is back", async () => {
    const attempts: number[] = [];
    const { socket: live } = connect(
      {},
      {
        create: () => {
          attempts.push(Date.now());
          const dead = { readyState: 0, close: () => undefined, onclose: null as (() => void) | null };
          queueMicrotask(() => dead.onclose?.());
          return dead as unknown as WebSocket;
        },
      },
    );
    const began = Date.now();
    void live.listen(null);
    await pass(7100);
    expect(attempts.map((at) => at - began)).toEqual([0, 1000, 3000, 7000]);
    live.hurry();
    expect(attempts).toHaveLength(5);
  });

  it("does not try again when it may not", async () => {
    const mayRetry = vi.fn(() => Promise.resolve(false));
    const { hub, socket: live, links } = connect({}, { mayRetry });
    await live.listen(null);
    hub.cut();
    await pass(60_000);
    expect(mayRetry).toHaveBeenCalledTimes(1);
    expect(links).toEqual(["connecting", "live", "reconnecting"]);
  });
});
