import assert from "node:assert/strict";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { createInFlight } from "../../src/core/in-flight.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Answer, DoorOptions, Gate, RequestFacts } from "../../src/core/gate.ts";
import type { StreamSpec } from "../../src/core/spec.ts";
import { createTcpDoor } from "../../src/proxy/tcp.ts";
import { createUdpDoor } from "../../src/proxy/udp.ts";
import type { UdpDoor } from "../../src/proxy/udp.ts";
import type { StreamDeps } from "../../src/proxy/stream-door.ts";
import { systemClock } from "../../src/system-clock.ts";
import { recordingLogger } from "./logger.ts";
import type { LogLine } from "./logger.ts";
import { open, stageRegistry, stageRoute } from "./proxy-stage.ts";
import type { StageRoute } from "./proxy-stage.ts";

export interface StreamOptions {
  readonly origin: () => string | null;
  readonly stream?: Partial<StreamSpec>;
  readonly admit?: (facts: RequestFacts, options: DoorOptions) => Answer | Promise<Answer>;
  readonly trusted?: boolean;
  readonly hasWorkload?: boolean;
  readonly staleAfterMs?: number;
  readonly clock?: Clock;
}

export interface StreamStage {
  readonly port: number;
  readonly route: StageRoute;
  readonly asked: readonly RequestFacts[];
  readonly lines: readonly LogLine[];
}

/** A TCP route's door on loopback, with a gate that allows unless told otherwise. */
export async function openTcp(t: TestContext, options: StreamOptions): Promise<StreamStage> {
  const { deps, ...parts } = toParts("tcp", options);
  const door = createTcpDoor("app", deps);
  const port = await open(t, door.server);
  t.after(async () => {
    await door.close({ graceMs: 0 });
    await idle(parts.route);
  });
  return { port, ...parts };
}

/** The same for UDP. */
export async function openUdp(
  t: TestContext,
  options: StreamOptions,
): Promise<StreamStage & { readonly door: UdpDoor }> {
  const { deps, ...parts } = toParts("udp", options);
  const door = createUdpDoor("app", { host: "127.0.0.1", port: 0 }, deps);
  door.socket.bind(0, "127.0.0.1");
  await once(door.socket, "listening");
  t.after(async () => {
    door.close();
    assert.equal(door.sessions, 0);
    await idle(parts.route);
  });
  return { port: door.socket.address().port, door, ...parts };
}

function toParts(kind: "tcp" | "udp", options: StreamOptions) {
  const stream: StreamSpec = {
    listen: { host: "127.0.0.1", port: 0 },
    minBytes: 0,
    sessionTimeoutMs: 60_000,
    allow: [],
    acceptProxy: false,
    sendProxy: false,
    ...options.stream,
  };
  const route = stageRoute(
    { kind, hosts: [], stream },
    {
      upstream: options.origin,
      hasWorkload: options.hasWorkload ?? true,
      staleAfterMs: options.staleAfterMs ?? null,
    },
  );
  const asked: RequestFacts[] = [];
  const logger = recordingLogger();
  const clock = options.clock ?? systemClock;
  const gate: Gate = {
    admit(_route, facts, door) {
      asked.push(facts);
      return options.admit?.(facts, door) ?? { kind: "allow", decision: "allow" };
    },
    present: () => assert.fail("streams have no page"),
  };
  const deps: StreamDeps = {
    registry: stageRegistry([route]),
    gate,
    clock,
    logger,
    inFlight: createInFlight(clock),
    isTrusted: () => options.trusted ?? false,
  };
  return { deps, route, asked, lines: logger.lines };
}

async function idle(route: StageRoute): Promise<void> {
  const overdue = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error(`${route.inFlight} are still counted as in flight`)), 2_000).unref();
  });
  await Promise.race([route.idle(), overdue]);
}
