/** Asks the hook as Traefik would. */
import { availableParallelism } from "node:os";
import { aliasOf, hostOf, toHeldRequest, toHookRequest } from "../hook-request.ts";
import { answerQuestions, sharedNow } from "../ipc.ts";
import { percentile } from "../stats.ts";
import { type Connection, openConnection } from "./connection.ts";

/** A load as fast as the server answers: each connection asks again as soon as it has its answer. */
export interface ClosedLoad {
  readonly port: number;
  /** Requests go round the first so many hosts. */
  readonly hosts: number;
  readonly connections: number;
  /** How many are sent in all. */
  readonly requests: number;
}

export interface ClosedResult {
  readonly elapsedMs: number;
  readonly p99Ms: number;
}

/** One request that is held: when it was sent and answered, by `sharedNow`. */
export interface HeldResult {
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** One answered request of a steady load: when it was sent, by `sharedNow`, and how long it took. */
export type SteadySample = readonly [sentAt: number, tookMs: number];

/** Not in the order of the hosts, so that nothing profits from neighbours. Prime to any number of hosts used here. */
const stride = 7919;
/** So many different requests are sent in turn, to however few hosts: only the hosts may make a difference. */
const variety = 10_000;
const requestsByHosts = new Map<number, readonly Buffer[]>();

/** Made before anything is measured: the n-th asks for host n, beginning anew where hosts are fewer. */
function prepared(hosts: number): readonly Buffer[] {
  const known = requestsByHosts.get(hosts);
  if (known !== undefined) return known;
  const made = Array.from({ length: Math.max(hosts, variety) }, (_, n) => toHookRequest(n, hostOf(n % hosts)));
  requestsByHosts.set(hosts, made);
  return made;
}

/** Runs `work` on fresh connections; the first wrong answer ends it. */
async function onConnections<T>(
  { port, connections }: { readonly port: number; readonly connections: number },
  work: (open: readonly Connection[]) => Promise<T>,
): Promise<T> {
  const failed = Promise.withResolvers<never>();
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(port, failed.reject)));
  try {
    return await Promise.race([work(open), failed.promise]);
  } finally {
    for (const connection of open) connection.close();
  }
}

/** Connections of a closed load: a proxy keeps them, so no measurement pays for opening them. */
interface Kept {
  readonly open: readonly Connection[];
  /** Rejects with the first wrong answer or broken connection. */
  readonly failed: Promise<never>;
}

const keptByPort = new Map<number, Promise<Kept>>();

function kept({ port, connections }: ClosedLoad): Promise<Kept> {
  const known = keptByPort.get(port);
  if (known !== undefined) return known;
  const failed = Promise.withResolvers<never>();
  const opening = Array.from({ length: connections }, () => openConnection(port, failed.reject));
  const opened = Promise.all(opening).then((open) => ({ open, failed: failed.promise }));
  keptByPort.set(port, opened);
  return opened;
}

/**
 * Keeps this process from sleeping until the returned function is called. To send to a sleeping process the server
 * would have to wake it, which is work of its own: how much, would depend on which of the two happens to be faster.
 */
function stayAwake(): () => void {
  let isOver = availableParallelism() === 1;
  const turn = (): void => {
    if (!isOver) setImmediate(turn);
  };
  turn();
  return () => {
    isOver = true;
  };
}

async function closed(load: ClosedLoad): Promise<ClosedResult> {
  const requests = prepared(load.hosts);
  const { open, failed } = await kept(load);
  const sleep = stayAwake();
  const tookMs: number[] = [];
  const begun = performance.now();
  let left = load.requests;
  let next = 0;
  const ask = (connection: Connection): Promise<void> =>
    new Promise((resolve) => {
      let sentAt = 0;
      const send = (): void => {
        if (left === 0) return resolve();
        left--;
        next = (next + stride) % requests.length;
        sentAt = performance.now();
        connection.send(requests[next] ?? Buffer.alloc(0), answered);
      };
      const answered = (): void => {
        tookMs.push(performance.now() - sentAt);
        send();
      };
      send();
    });
  try {
    await Promise.race([Promise.all(open.map(ask)), failed]);
  } finally {
    sleep();
  }
  return { elapsedMs: performance.now() - begun, p99Ms: percentile(tookMs, 0.99) };
}

/** Asks for each host once; rejects unless each is allowed, by its own route, as ready. */
function check({ port, hosts }: { readonly port: number; readonly hosts: number }): Promise<void> {
  const requests = prepared(hosts);
  return onConnections({ port, connections: 1 }, async ([connection]) => {
    for (let n = 0; n < hosts; n++) {
      const answer = await new Promise<Buffer>((resolve) => connection?.send(requests[n] ?? Buffer.alloc(0), resolve));
      const text = answer.toString("latin1").toLowerCase();
      const wanted = [`x-nodoff-route: ${aliasOf(n)}\r\n`, "x-nodoff-state: ready\r\n"];
      if (!wanted.every((line) => text.includes(line))) throw new Error(`wrong answer for host ${n}:\n${text}`);
    }
  });
}

/** One request for the host of route `n` that is held until it may pass. */
function held({ port, n }: { readonly port: number; readonly n: number }): Promise<HeldResult> {
  return onConnections({ port, connections: 1 }, async ([connection]) => {
    const sentAt = sharedNow();
    await new Promise((resolve) => connection?.send(toHeldRequest(n), resolve));
    return { sentAt, answeredAt: sharedNow() };
  });
}

/** A load under way: call to end it. */
const steady: (() => Promise<readonly SteadySample[]>)[] = [];

/** Sends one request per millisecond, however slowly they are answered, to hosts 1 to `hosts` - 1, until `steadyEnd`. */
async function steadyBegin({ port, hosts }: { readonly port: number; readonly hosts: number }): Promise<void> {
  const requests = prepared(hosts);
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const result = onConnections({ port, connections: 512 }, async (open) => {
    const samples: SteadySample[] = [];
    const idle = [...open];
    let next = 0;
    const timer = setInterval(() => {
      const connection = idle.pop();
      // With all of them waiting the server has been silent for half a second: that is seen without more.
      if (connection === undefined) return;
      next = (next + 1) % (hosts - 1);
      const sentAt = sharedNow();
      connection.send(requests[next + 1] ?? Buffer.alloc(0), () => {
        samples.push([sentAt, sharedNow() - sentAt]);
        idle.push(connection);
      });
    }, 1);
    begun.resolve();
    await ended.promise;
    clearInterval(timer);
    return samples;
  });
  steady.push(() => {
    ended.resolve();
    return result;
  });
  await Promise.race([begun.promise, result]);
}

/** Ends every steady load; their samples in the order in which they began. */
function steadyEnd(): Promise<readonly (readonly SteadySample[])[]> {
  return Promise.all(steady.splice(0).map((end) => end()));
}

answerQuestions(
  {},
  {
    closed: (options) => closed(options as ClosedLoad),
    check: (options) => check(options as { port: number; hosts: number }),
    held: (options) => held(options as { port: number; n: number }),
    steadyBegin: (options) => steadyBegin(options as { port: number; hosts: number }),
    steadyEnd,
  },
);
