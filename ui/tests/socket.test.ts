import { afterEach, describe, expect, it } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { createMock } from "../mock/server.mjs";
import { Socket, type SocketOptions } from "../src/data/socket";
import { TOPICS, type Message } from "../src/data/types";

type Mock = ReturnType<typeof createMock>;
const open: { mock?: Mock; socket?: Socket } = {};

afterEach(() => {
  open.socket?.stop();
  open.mock?.close();
});

async function connect(hub: object = {}, options: Partial<SocketOptions> = {}) {
  const mock = createMock({ speed: 0, history: 60, symbols: ["BTCUSDT"], hub });
  const port = await mock.listen();
  const messages: Message[] = [];
  const links: string[] = [];
  const waiters: { test: () => boolean; done: () => void }[] = [];
  const check = (): void => {
    for (const waiter of waiters.filter((w) => w.test())) waiter.done();
  };
  const socket = new Socket({
    url: `ws://127.0.0.1:${port}/ws`,
    subscription: () => ({ topics: TOPICS, symbols: [] }),
    onMessage: (message) => {
      if (message.type !== "heartbeat") messages.push(message);
      check();
    },
    onLink: (link) => {
      links.push(link);
      check();
    },
    backoff: [10],
    create: (url) => new NodeSocket(url) as unknown as WebSocket,
    ...options,
  });
  const until = (test: () => boolean): Promise<void> =>
    new Promise((done) => {
      waiters.push({ test, done });
      check();
    });
  Object.assign(open, { mock, socket });
  return { mock, socket, messages, links, until };
}

const ids = (messages: readonly Message[]): number[] => messages.map((m) => m.id);

describe("socket", () => {
  it("misses nothing when the connection is cut, and hears nothing twice", async () => {
    const { mock, socket, messages, links, until } = await connect();
    await socket.start();
    for (let i = 0; i < 30; i += 1) mock.step();
    await until(() => socket.lastEventId === mock.hub.lastId);
    mock.hub.cut();
    for (let i = 0; i < 30; i += 1) mock.step(); // while nobody listens
    await until(() => socket.lastEventId === mock.hub.lastId);
    const got = ids(messages);
    expect(got).toEqual(Array.from({ length: mock.hub.lastId }, (_, i) => i + 1));
    expect(links).toEqual(["connecting", "live", "reconnecting", "reconnecting", "live"]);
  });

  it("is told to read again when it was away for too long", async () => {
    const { mock, socket, messages, until } = await connect({ ring: 20 });
    await socket.start();
    mock.hub.cut();
    for (let i = 0; i < 600; i += 1) mock.step();
    await until(() => messages.some((m) => m.type === "resync"));
    const before = messages.length;
    mock.step();
    await until(() => messages.length > before);
    expect(messages.at(-1)?.id).toBe(mock.hub.lastId);
  });

  it("takes a mute connection for dead", async () => {
    const { socket, links, until } = await connect({ heartbeatMs: 3_600_000 }, { silence: 30 });
    await socket.start();
    await until(() => links.filter((l) => l === "live").length >= 2);
    expect(links).toContain("reconnecting");
  });

  it("does not try again when it may not", async () => {
    let asked = 0;
    let told: () => void = () => undefined;
    const refused = new Promise<void>((done) => (told = done));
    const { mock, socket, links } = await connect({}, {
      mayRetry: () => {
        asked += 1;
        told();
        return Promise.resolve(false);
      },
    });
    await socket.start();
    mock.hub.cut();
    await refused;
    await new Promise((done) => setImmediate(done));
    expect(asked).toBe(1);
    expect(links).toEqual(["connecting", "live", "reconnecting"]);
  });
});
