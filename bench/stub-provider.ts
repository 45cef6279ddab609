import type { Look, Power, Provider } from "../src/core/provider.ts";

/** An engine that answers everything at once: what is measured with it is nodoff's own part. */
export function createStubProvider(
  names: readonly string[],
  power: Power,
): Provider & { readonly asked: () => number } {
  let asked = 0;
  const looks = names.map((name): Look => ({
    refs: [name],
    id: name,
    power,
    startedAt: 0,
    exitCode: null,
    error: null,
    health: "none",
    labels: noLabels,
    refusal: null,
    warnings: none,
  }));
  const byName = new Map(looks.map((look) => [look.id, look]));
  const done = (): Promise<void> => Promise.resolve();
  return {
    asked: () => asked,
    name: "stub",
    type: "docker",
    capabilities: { pause: true, kill: true, logs: true, health: true, discovers: false },
    insight: { connections: () => Promise.resolve([]), sessions: () => Promise.resolve([]) },
    list: () => Promise.resolve(looks),
    inspect: (ref) => Promise.resolve(byName.get(ref)),
    start: done,
    stop: done,
    pause: done,
    resume: done,
    kill: done,
    watch(observer) {
      queueMicrotask(() => {
        observer.link(null);
        observer.listed(looks);
      });
      return { close: done };
    },
    logs: () => Promise.resolve([]),
    counters() {
      asked++;
      return Promise.resolve({ rxBytes: 0, txBytes: 0, cpuMs: 0, memoryBytes: 0 });
    },
    address: () => Promise.resolve({ host: "127.0.0.1", port: 9 }),
    close: done,
  };
}

const noLabels = {};
const none: readonly string[] = [];
