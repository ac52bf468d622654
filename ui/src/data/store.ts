/** A tiny store for `useSyncExternalStore`, and the batcher that turns a flood of messages into one update a frame. */
import { useSyncExternalStore } from "react";

export interface Store<S> {
  get(): S;
  set(next: S): void;
  update(change: (state: S) => S): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<S>(initial: S): Store<S> {
  let state = initial;
  const listeners = new Set<() => void>();
  const set = (next: S): void => {
    if (Object.is(next, state)) return;
    state = next;
    for (const listener of [...listeners]) listener();
  };
  return {
    get: () => state,
    set,
    update: (change) => set(change(state)),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Re-renders only when the selected part changes; `select` must return a part of the state, not a new object. */
export function useStore<S, T>(store: Store<S>, select: (state: S) => T): T {
  const read = (): T => select(store.get());
  return useSyncExternalStore(store.subscribe, read, read);
}

export type Schedule = (run: () => void) => void;

/** One frame; in a hidden tab, where frames stop, a timer, so that the queue can not grow for hours. */
export const onFrame: Schedule = (run) => {
  if (document.hidden) setTimeout(run, 250);
  else requestAnimationFrame(run);
};

export interface Batcher<T> {
  push(item: T): void;
  /** Deliver what waits now. */
  flush(): void;
  /** Forget what waits. */
  clear(): void;
}

export function createBatcher<T>(deliver: (items: T[]) => void, schedule: Schedule): Batcher<T> {
  let waiting: T[] = [];
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    if (waiting.length === 0) return;
    const items = waiting;
    waiting = [];
    deliver(items);
  };
  return {
    push(item) {
      waiting.push(item);
      if (scheduled) return;
      scheduled = true;
      schedule(flush);
    },
    flush,
    clear() {
      waiting = [];
    },
  };
}
