/** The mock's live channel: numbered events in a ring, subscribers that resume, heartbeats. */
import { WebSocketServer } from "ws";

export class Hub {
  constructor({ sessionId, ring = 5000, heartbeatMs = 5000 }) {
    Object.assign(this, { sessionId, ring });
    this.server = new WebSocketServer({ noServer: true });
    this.events = [];
    this.lastId = 0;
    this.clients = new Map();
    this.beat = setInterval(() => {
      for (const ws of this.clients.keys()) ws.send(this.frame("heartbeat", null, {}, this.lastId));
    }, heartbeatMs);
  }

  frame(type, symbol, data, id) {
    return JSON.stringify({ id, type, session_id: this.sessionId, symbol, timestamp: Date.now(), data });
  }

  publish(type, symbol, data, timestamp) {
    this.lastId += 1;
    const event = { id: this.lastId, type, session_id: this.sessionId, symbol, timestamp, data };
    const frame = JSON.stringify(event);
    this.events.push({ id: event.id, type, symbol, frame });
    if (this.events.length > this.ring) this.events.splice(0, 1000);
    for (const [ws, wants] of this.clients) if (wants && this.wanted(wants, event)) ws.send(frame);
  }

  wanted(wants, event) {
    return wants.topics.has(event.type) && (wants.symbols.size === 0 || !event.symbol || wants.symbols.has(event.symbol));
  }

  upgrade(request, socket, head) {
    this.server.handleUpgrade(request, socket, head, (ws) => {
      this.clients.set(ws, null);
      ws.on("close", () => this.clients.delete(ws));
      ws.on("message", (raw) => this.subscribe(ws, JSON.parse(String(raw))));
    });
  }

  subscribe(ws, { topics = [], symbols = [], last_event_id = null }) {
    const wants = { topics: new Set(topics), symbols: new Set(symbols) };
    this.clients.set(ws, wants);
    ws.send(this.frame("heartbeat", null, {}, last_event_id ?? this.lastId));
    if (last_event_id === null) return;
    const first = this.events[0]?.id ?? this.lastId + 1;
    if (last_event_id < first - 1 || last_event_id > this.lastId) {
      ws.send(this.frame("resync", null, { reason: "the event is no longer in the buffer" }, this.lastId));
      return;
    }
    for (const event of this.events) if (event.id > last_event_id && this.wanted(wants, event)) ws.send(event.frame);
  }

  /** Cut every connection, as a network would. */
  cut() {
    for (const ws of this.clients.keys()) ws.terminate();
  }

  close() {
    clearInterval(this.beat);
    this.cut();
    this.server.close();
  }
}
