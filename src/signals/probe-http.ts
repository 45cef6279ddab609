import type { buildConnector } from "undici";
import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import { parseJsonPath, valueAt } from "../core/json-path.ts";
import type { Signal, Subject } from "../core/signal.ts";
import type { BusyProbeSpec, StatusRanges } from "../core/spec.ts";
import type { Dialed } from "../net/dialed.ts";
import { toUpstreamFailure } from "../net/upstream-error.ts";
import { within } from "./patience.ts";
import { readSafely } from "./reading.ts";
import { allowanceBytes } from "./samples.ts";
import type { Samples } from "./samples.ts";

export interface HttpProbeDeps {
  readonly clock: Clock;
  /** Learns of each probe: its bytes are no use. */
  readonly samples: Pick<Samples, "probed">;
  /** Learns of each connection of a probe: it is no client. */
  readonly dialed: Pick<Dialed, "add">;
}

type HttpProbe = Extract<BusyProbeSpec, { readonly kind: "http" }>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

const patienceMs = 5_000;
const maxBodyBytes = 2 ** 20;
const successes: StatusRanges = [[200, 299]];

/** The busy probe that asks the workload over HTTP: by status, by a JSON value, or by what the body matches. */
export function createHttpProbeSignal({ clock, samples, dialed }: HttpProbeDeps): Signal {
  const usedAt = new WeakMap<Subject, number>();

  async function ask(subject: Subject, origin: string, { path, outer }: Wanted): Promise<Answer> {
    try {
      return await within({ clock, ms: patienceMs, outer }, async (signal) =>
        get(new URL(origin), path, { signal, dialed, moves: () => samples.probed(subject) }),
      );
    } catch (error) {
      throw error instanceof NodoffError
        ? error
        : new NodoffError("UPSTREAM_FAILED", toUpstreamFailure(error).detail, { cause: error });
    }
  }

  return {
    name: "probe",
    needs: null,
    asks: true,
    covers: ({ spec }) => spec.activity.probe?.kind === "http",
    required: () => false,
    read(subject, { signal: outer }) {
      const { probe } = subject.spec.activity;
      return readSafely(async () => {
        if (probe?.kind !== "http") throw new NodoffError("INTERNAL", "there is no HTTP probe");
        const [origin] = subject.origins();
        if (origin === undefined) throw new NodoffError("UPSTREAM_FAILED", "where it answers is not known");
        const { busy, because } = judge(probe, await ask(subject, origin, { path: probe.path, outer }));
        if (busy) usedAt.set(subject, clock.now());
        const text = `${probe.path} says ${busy ? "busy" : "not busy"} (${because})`;
        return { kind: "read", lastUsedAt: usedAt.get(subject) ?? null, inUse: busy, text };
      }, "");
    },
  };
}

interface Wanted {
  readonly path: string;
  readonly outer: AbortSignal;
}

interface GetOptions {
  readonly signal: AbortSignal;
  readonly dialed: Pick<Dialed, "add">;
  /** Called before each `allowanceBytes` of the answer. */
  readonly moves: () => void;
}

/** One connection per probe: none stays behind that would look like a client. Redirects are answers. */
async function get(origin: URL, path: string, { signal, dialed, moves }: GetOptions): Promise<Answer> {
  const isH2c = origin.protocol === "h2c:";
  // As for readiness: who answers there was named in the configuration. undici's types lack useH2c.
  const how: buildConnector.BuildOptions & { readonly useH2c: boolean } = {
    allowH2: isH2c,
    useH2c: isH2c,
    rejectUnauthorized: false,
    timeout: patienceMs,
  };
  const { buildConnector, Client, H2CClient } = await import("undici");
  const connector = buildConnector(how);
  const connect: buildConnector.connector = (options, callback) =>
    connector(options, (...outcome) => {
      const [error, socket] = outcome;
      if (error === null) dialed.add(socket);
      callback(...outcome);
    });
  const client = isH2c ? new H2CClient(`http://${origin.host}`, { connect }) : new Client(origin.origin, { connect });
  try {
    moves();
    const headers = { "user-agent": "nodoff-probe", accept: "*/*" };
    const { statusCode, body } = await client.request({ method: "GET", path, headers, signal, reset: !isH2c });
    return { status: statusCode, body: await readBody(body, moves) };
  } finally {
    client.destroy(() => undefined);
  }
}

async function readBody(body: AsyncIterable<Buffer>, moves: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  let allowed = allowanceBytes;
  for await (const chunk of body) {
    size += chunk.length;
    for (; allowed < size; allowed += allowanceBytes) moves();
    if (size > maxBodyBytes) throw new NodoffError("UPSTREAM_FAILED", "the answer is larger than 1 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

interface Judgement {
  readonly busy: boolean;
  readonly because: string;
}

/** Pure. Throws where the answer is not what the probe was made for: an error or a login page says nothing. */
function judge(probe: HttpProbe, { status, body }: Answer): Judgement {
  if (probe.json === null && probe.pattern === null)
    return { busy: includes(probe.status ?? successes, status), because: `status ${status}` };
  if (!includes(successes, status)) throw new NodoffError("UPSTREAM_FAILED", `${probe.path} answered ${status}`);
  if (probe.json !== null) return judgeJson(probe.json, probe.idleValue, body);
  const busy = new RegExp(probe.pattern ?? "", "u").test(body);
  return { busy, because: `the body ${busy ? "matches" : "does not match"}` };
}

function judgeJson(pathText: string, idleValue: string | null, body: string): Judgement {
  const path = parseJsonPath(pathText);
  if (path === undefined) throw new NodoffError("CONFIG_INVALID", `${pathText} is no path to one value`);
  const value = valueAt(path, toJson(body));
  if (value === undefined) throw new NodoffError("UPSTREAM_FAILED", `the answer has nothing at ${pathText}`);
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return { busy: shown !== idleValue, because: `${pathText} is ${shown.slice(0, 80)}` };
}

function toJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    throw new NodoffError("UPSTREAM_FAILED", "the answer is no JSON");
  }
}

function includes(ranges: StatusRanges, status: number): boolean {
  return ranges.some(([first, last]) => status >= first && status <= last);
}
