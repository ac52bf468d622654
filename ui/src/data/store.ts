/** A tiny store for `useSyncExternalStore`, and the batcher that turns a flood of messages into one update a frame. */
import { useSyncExternalStore } from "react";

export type Store<S> = ReturnType<typeof createStore<S>>;

export function createStore<S>(initial: S) {
  let state = initial;
  const listeners = new Set<() => void>();
  const set = (next: S): void => {
    if (Object.is(next, state)) return;
    state = next;
    for (const listener of [...listeners]) listener();
  };
  return {
    get: (): S => state,
    set,
    update: (change: (state: S) => S): void => set(change(state)),
    subscribe(listener: () => void): () => void {
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

/** What is pushed is delivered together when the time has come. */
export function createBatcher<T>(deliver: (items: T[]) => void, schedule: Schedule) {
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
    push(item: T): void {
      waiting.push(item);
      if (scheduled) return;
      scheduled = true;
      schedule(flush);
    },
    /** Forget what waits. */
    clear(): void {
      waiting = [];
    },
  };
}
