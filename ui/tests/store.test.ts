import { describe, expect, it, vi } from "vitest";
import { createBatcher, createStore } from "../src/data/store";

describe("store", () => {
  it("tells listeners about changes only, until they leave", () => {
    const store = createStore(1);
    const listener = vi.fn();
    const leave = store.subscribe(listener);
    store.set(1);
    store.update((n) => n + 1);
    leave();
    store.set(9);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(store.get()).toBe(9);
  });
});

describe("batcher", () => {
  it("delivers what came in a frame at once and in order", () => {
    const frames: (() => void)[] = [];
    const delivered: number[][] = [];
    const batcher = createBatcher<number>((items) => delivered.push(items), (run) => frames.push(run));
    for (let i = 0; i < 100; i += 1) batcher.push(i);
    expect(frames).toHaveLength(1);
    frames.shift()?.();
    batcher.push(100);
    expect(frames).toHaveLength(1);
    frames.shift()?.();
    expect(delivered.map((d) => d.length)).toEqual([100, 1]);
  });

  it("forgets what was cleared", () => {
    const frames: (() => void)[] = [];
    const deliver = vi.fn();
    const batcher = createBatcher(deliver, (run) => frames.push(run));
    batcher.push(1);
    batcher.clear();
    frames.shift()?.();
    expect(deliver).not.toHaveBeenCalled();
  });
});
