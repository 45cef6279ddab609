import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { NodoffError } from "../../../src/core/errors.ts";
import type { ErrorCode } from "../../../src/core/errors.ts";
import type { Logger } from "../../../src/core/logger.ts";
import { createProxmoxProvider } from "../../../src/providers/proxmox/index.ts";
import type { ProxmoxProvider, ProxmoxProviderOptions } from "../../../src/providers/proxmox/index.ts";
import { openTransport } from "../../../src/providers/proxmox/transport.ts";
import type { PveTrust, Transport } from "../../../src/providers/proxmox/transport.ts";
import { fakeClock, settle } from "../fake-clock.ts";
import type { FakeClock } from "../fake-clock.ts";
import { recordingLogger } from "../logger.ts";
import type { LogLine } from "../logger.ts";
import { openPve } from "./pve.ts";
import type { Pve, PveOptions } from "./pve.ts";

/** A provider on a simulated cluster, both on time that moves only while everybody waits for it. */
export interface Stage {
  readonly pve: Pve;
  readonly clock: FakeClock;
  readonly provider: ProxmoxProvider;
  readonly lines: readonly LogLine[];
  /** Options a call takes; never aborts. */
  readonly io: { readonly signal: AbortSignal };
  /** Moves time until `work` settles. */
  drive<T>(work: Promise<T>): Promise<T>;
  /** Moves time by virtual `ms`. */
  pass(ms: number): Promise<void>;
  /** Moves time until `look` says so; fails after virtual `limitMs`. */
  until(what: string, look: () => boolean, limitMs?: number): Promise<void>;
}

export interface StageOptions extends Omit<PveOptions, "clock"> {
  readonly provider?: Partial<ProxmoxProviderOptions>;
  /** Trust the very certificate instead of a CA. */
  readonly trustCertificate?: boolean;
  /** Asked before the cluster's own addresses. */
  readonly firstOrigins?: readonly string[];
  /** Virtual ms per step; default 10. */
  readonly stepMs?: number;
}

const realLimitMs = 60_000;

export async function openStage(t: TestContext, options: StageOptions = {}): Promise<Stage> {
  const { stepMs = 10 } = options;
  const clock = fakeClock();
  const pve = await openPve({ ...options, clock });
  const logger = recordingLogger();
  const underWay = { count: 0 };
  const provider = createProxmoxProvider({
    name: "pve",
    origins: [...(options.firstOrigins ?? []), ...pve.origins.slice(0, 1)],
    credentials: { kind: "token", ...pve.token },
    trust:
      options.trustCertificate === true
        ? { kind: "fingerprint", fingerprint: pve.certificate.fingerprint }
        : { kind: "ca", ca: pve.certificate.cert },
    discover: false,
    clock,
    logger: logger as Logger,
    open: (trust) => counted(trust, underWay),
    ...options.provider,
  });
  const never = new AbortController();
  t.after(async () => {
    await drive(provider.close());
    await drive(pve.close());
  });

  /** One step of time, once everything that is under way waits for it. */
  async function step(): Promise<void> {
    const until = performance.now() + realLimitMs;
    await settle();
    while (underWay.count > pve.parked.count) {
      if (performance.now() > until)
        throw new Error(`${underWay.count} requests hang, ${pve.parked.count} of them parked`);
      await settle();
    }
    clock.advance(stepMs);
  }

  async function drive<T>(work: Promise<T>): Promise<T> {
    const state = { done: false };
    const settled = work.finally(() => (state.done = true));
    settled.catch(() => undefined);
    while (!state.done) {
      await settle();
      if (!state.done) await step();
    }
    return settled;
  }

  return {
    pve,
    clock,
    provider,
    lines: logger.lines,
    io: { signal: never.signal },
    drive,
    async pass(ms) {
      const end = clock.now() + ms;
      while (clock.now() < end) await step();
      await settle();
    },
    async until(what, look, limitMs = 120_000) {
      const end = clock.now() + limitMs;
      while (!look()) {
        if (clock.now() > end) throw new Error(`not within ${limitMs} virtual ms: ${what}`);
        await step();
      }
    },
  };
}

/** Counts what was sent and has no whole answer yet. */
function counted(trust: PveTrust, underWay: { count: number }): Transport {
  const transport = openTransport(trust);
  return {
    async send(request, signal) {
      underWay.count++;
      try {
        return await transport.send(request, signal);
      } finally {
        underWay.count--;
      }
    },
    close: () => transport.close(),
  };
}

/** Moves time until `work` rejects with this code; resolves with the message. */
export async function rejection(stage: Stage, work: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error = await stage.drive(work).then(
    () => assert.fail(`expected ${code}, but it resolved`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof NodoffError, `expected ${code}, not ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error.message;
}
