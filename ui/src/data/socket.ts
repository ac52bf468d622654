/**
 * The live channel. It stays connected: a dropped or mute socket is opened again after 1, 2, 4, 8, 15 s (with jitter) and
 * goes on after the last event that was seen, so that nothing is missed; where the server can not, it says `resync`.
 */
import type { Link } from "./model";
import type { Message } from "./types";

export interface SocketOptions {
  url: string;
  onMessage: (message: Message) => void;
  onLink: (link: Link) => void;
  /** Asked before every new attempt; false ends the trying (signed out). */
  mayRetry?: () => Promise<boolean>;
  /** Silence after which the connection counts as dead; the server says how it is twice a second. */
  silence?: number;
  /** How long `listen` waits for a first answer. */
  patience?: number;
  backoff?: readonly number[];
  random?: () => number;
  create?: (url: string) => WebSocket;
}

const BACKOFF = [1000, 2000, 4000, 8000, 15_000];

export class Socket {
  private readonly options: Required<SocketOptions>;
  private socket: WebSocket | null = null;
  private lastId: number | null = null;
  private attempt = 0;
  private stopped = true;
  private session: string | null = null;
  private waiting: (() => void)[] = [];
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SocketOptions) {
    this.options = {
      mayRetry: () => Promise.resolve(true),
      silence: 3000,
      patience: 1500,
      backoff: BACKOFF,
      random: Math.random,
      create: (url) => new WebSocket(url),
      ...options,
    };
  }

  /** Hear of a session (null: the one that is shown); resolves when the server has said so, or after a moment. */
  listen(session: string | null): Promise<void> {
    const same = session === this.session;
    this.session = session;
    if (!this.stopped && (same || this.socket?.readyState !== 1)) return Promise.resolve();
    const heard = new Promise<void>((done) => {
      this.waiting.push(done);
      setTimeout(done, this.options.patience);
    });
    if (this.stopped) {
      this.stopped = false;
      this.open();
    } else this.subscribe(null);
    return heard;
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.drop();
  }

  /** Try now instead of waiting, as when the network is back. */
  hurry(): void {
    if (this.stopped || this.socket) return;
    clearTimeout(this.retry);
    this.open();
  }

  private subscribe(last_event_id: number | null): void {
    this.socket?.send(JSON.stringify({ op: "subscribe", session: this.session, last_event_id }));
  }

  private open(): void {
    this.options.onLink(this.lastId === null && this.attempt === 0 ? "connecting" : "reconnecting");
    const socket = this.options.create(this.options.url);
    this.socket = socket;
    this.watch();
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.subscribe(this.lastId);
      this.options.onLink("live");
      this.watch();
    };
    socket.onmessage = (event: MessageEvent) => {
      if (socket === this.socket) this.receive(String(event.data));
    };
    socket.onclose = () => {
      if (socket === this.socket) this.again();
    };
    socket.onerror = () => undefined; // `close` follows
  }

  private receive(text: string): void {
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      return; // not ours
    }
    this.watch();
    this.attempt = 0;
    if (this.place(message)) this.options.onMessage(message);
    if (message.type !== "heartbeat") return;
    for (const done of this.waiting) done(); // a heartbeat is the answer to a subscription
    this.waiting = [];
  }

  /** Keep our place in the log of events; false for one that was already seen. A heartbeat tells the place too. */
  private place({ id, type }: Message): boolean {
    if (type === "resync") this.lastId = id;
    else if (type === "heartbeat") this.lastId = Math.max(id, this.lastId ?? id);
    else if (this.lastId !== null && id <= this.lastId) return false;
    else this.lastId = id;
    return true;
  }

  private watch(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.again(), this.options.silence);
  }

  private drop(): void {
    clearTimeout(this.watchdog);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private again(): void {
    this.drop();
    if (this.stopped) return;
    this.options.onLink("reconnecting");
    const { backoff, random } = this.options;
    const wait = backoff[Math.min(this.attempt, backoff.length - 1)] ?? 1000;
    this.attempt += 1;
    this.retry = setTimeout(() => {
      void this.options.mayRetry().then((may) => {
        if (may && !this.stopped && !this.socket) this.open();
      });
    }, wait * (0.75 + 0.5 * random()));
  }
}
