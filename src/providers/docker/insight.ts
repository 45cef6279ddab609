import { NodoffError } from "../../core/errors.ts";
import type { ExecResult, Insight, IoOptions, OpenConnection } from "../../core/provider.ts";
import { toSocket } from "../socket-table.ts";
import type { Socket } from "../socket-table.ts";
import { incoming, incomingTo } from "../sockets.ts";
import type { Containers } from "./containers.ts";
import type { Execs } from "./exec.ts";
import type { HostProcesses } from "./host-processes.ts";
import { createFrameCutter, createFrameReader } from "./output.ts";
import type { RawContainer, RawExec } from "./raw.ts";
import { portsOf } from "./surroundings.ts";

export interface InsightDeps {
  readonly containers: Containers;
  readonly execs: Execs;
  readonly processes: HostProcesses;
}

const dayMs = 86_400_000;
/** Reading two tables takes no time; what hangs is the engine. */
const tablesTimeoutMs = 30_000;
const maxOutputBytes = 65_536;
const maxSessionChars = 200;
const otherWay = "or let nodoff see the host's processes (pid: host)";
/** How engines say that there is no such command inside. */
const notRun = /OCI runtime exec failed|executable file|exec failed/i;

export interface DockerInsight extends Required<Insight> {
  /** Forgets what was learnt of all containers but these. */
  keep(ids: ReadonlySet<string>): void;
}

/** What the inside of a container tells: by this machine's own view of it, else by a command run in it. */
export function createInsight({ containers, execs, processes }: InsightDeps): DockerInsight {
  /** By id: why no command can read the tables there. It will not change as long as that container lives. */
  const blind = new Map<string, NodoffError>();

  const readTables = async (raw: RawContainer, { signal }: IoOptions): Promise<readonly OpenConnection[]> => {
    const known = blind.get(raw.Id);
    if (known !== undefined) throw known;
    const choose = toChooser(raw);
    const sockets: Socket[] = [];
    let headings = 0;
    const reader = createFrameReader((line) => {
      const socket = toSocket(line);
      if (socket !== undefined) sockets.push(socket);
      else if (line.includes("local_address")) headings++;
    });
    const command = ["cat", "/proc/net/tcp", "/proc/net/tcp6"];
    let exitCode: number;
    try {
      exitCode = await execs.run(raw, { signal, command, limitMs: tablesTimeoutMs, write: reader.write });
    } catch (error) {
      throw withOtherWay(error);
    }
    reader.end();
    // Without IPv6 there is one table, and a complaint about the other.
    if (headings >= (exitCode === 0 ? 2 : 1)) return choose(sockets);
    // Engines lose the output of a command now and then (moby/moby#27289): the next look will have it.
    if (exitCode === 0) throw new NodoffError("ENGINE_ERROR", "the engine lost a part of what /proc/net/tcp says");
    const why = `its connections cannot be seen: it has no "cat" to read /proc/net/tcp with; ${otherWay.slice(3)}`;
    const error = new NodoffError("ENGINE_ERROR", why);
    blind.set(raw.Id, error);
    throw error;
  };

  return {
    keep(ids) {
      for (const id of blind.keys()) if (!ids.has(id)) blind.delete(id);
    },
    connections: (ref, options) =>
      processes.ask<readonly OpenConnection[]>(ref, options, {
        ended: [],
        // Nobody is served by what is frozen, and no command can be run in it.
        frozen: [],
        onHost: (process) => process.connections(),
        byEngine: (raw) => readTables(raw, options),
      }),
    async sessions(ref, options) {
      const raw = await containers.need(ref, options);
      const ids = (raw.ExecIDs ?? []).filter((id) => !execs.isOwn(id));
      const found = await Promise.all(ids.map((id) => execs.inspect(id, options)));
      return found.flatMap((exec) => (exec?.Running === true && !isHealthCheck(exec, raw) ? [toText(exec)] : []));
    },
    async exec(ref, command, options): Promise<ExecResult> {
      const raw = await containers.need(ref, options);
      const output = createOutput();
      const exitCode = await execs.run(raw, { ...options, command, limitMs: dayMs, write: output.write });
      const text = output.text();
      if ((exitCode === 126 || exitCode === 127) && notRun.test(text))
        throw new NodoffError("BAD_COMMAND", text.trim());
      return { exitCode, output: text };
    },
  };
}

/** The machine's own network shows everybody's sockets: only ports tell which are its own. */
function toChooser(raw: RawContainer): typeof incoming {
  if (raw.HostConfig?.NetworkMode !== "host") return incoming;
  const ports = portsOf(raw);
  if (ports.length > 0) return (sockets) => incomingTo(sockets, ports);
  const why = `it uses the host's network and exposes no port, so its connections cannot be told; ${otherWay.slice(3)}`;
  throw new NodoffError("ENGINE_ERROR", why);
}

function withOtherWay(error: unknown): unknown {
  if (!(error instanceof NodoffError) || error.code !== "PROVIDER_FORBIDDEN") return error;
  return new NodoffError(error.code, `${error.message}, ${otherWay}`, { cause: error });
}

/** Whether the engine's own health check started it; a person who types the very same command is taken for it. */
function isHealthCheck(exec: RawExec, { Config }: RawContainer): boolean {
  const [kind, ...test] = Config?.Healthcheck?.Test ?? [];
  const ran = JSON.stringify(toCommand(exec));
  if (kind === "CMD") return ran === JSON.stringify(test);
  if (kind !== "CMD-SHELL") return false;
  // Podman leaves the folder out.
  const shells = [Config?.Shell ?? ["/bin/sh", "-c"], ["sh", "-c"]];
  return shells.some((shell) => ran === JSON.stringify([...shell, test.join(" ")]));
}

function toCommand({ ProcessConfig }: RawExec): readonly string[] {
  return [ProcessConfig?.entrypoint ?? "", ...(ProcessConfig?.arguments ?? [])];
}

function toText(exec: RawExec): string {
  return toCommand(exec).join(" ").slice(0, maxSessionChars);
}

/** The first bytes of what a command writes, its two streams in the order they came. */
function createOutput(): { readonly write: (chunk: Buffer) => void; text(): string } {
  const parts: Buffer[] = [];
  let left = maxOutputBytes;
  return {
    write: createFrameCutter((part) => {
      if (left === 0) return;
      const kept = part.subarray(0, left);
      parts.push(kept);
      left -= kept.length;
    }),
    text: () => Buffer.concat(parts).toString("utf8"),
  };
}
