import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Counters, OpenConnection } from "../../core/provider.ts";
import { toSockets } from "../socket-table.ts";
import { createOwnSockets, heldSockets, incoming, incomingTo } from "../sockets.ts";
import { findAccounts } from "./cgroup.ts";
import { ownsNetwork } from "./counters.ts";
import type { RawContainer } from "./raw.ts";
import { portsOf } from "./surroundings.ts";

/** Where this machine shows its processes and control groups: `/proc` and `/sys/fs/cgroup`, or where they are mounted. */
export interface HostPaths {
  readonly proc: string;
  readonly cgroup: string;
}

/**
 * A running container's first process, seen from the machine instead of through the engine: far cheaper, and it needs
 * no right at the engine. What it reads may be gone or closed at any time: all but `isCurrent` throw system errors.
 */
export interface HostProcess {
  /** Whether the process still is that container's. */
  isCurrent(): boolean;
  connections(): Promise<readonly OpenConnection[]>;
  /** undefined: its control group cannot be seen. */
  counters(): Counters | undefined;
}

/**
 * undefined: this machine does not show it. nodoff may see another machine's processes, or only those of its own
 * container, so the number alone proves nothing: the process must name the container.
 */
export function findHostProcess(paths: HostPaths, raw: RawContainer): HostProcess | undefined {
  const pid = raw.State?.Pid ?? 0;
  if (pid <= 0) return undefined;
  const folder = join(paths.proc, String(pid));
  const witness = witnesses(raw.Id).find((isNamed) => isNamed(folder));
  if (witness === undefined) return undefined;
  const accounts = findAccounts(paths.cgroup, readText(join(folder, "cgroup")), raw.Id);
  const hasNetwork = ownsNetwork(raw.HostConfig?.NetworkMode);
  return {
    isCurrent: () => witness(folder),
    connections: createConnectionReader(paths.proc, pid, raw),
    counters: () =>
      accounts && { ...(hasNetwork && toTraffic(readFileSync(join(folder, "net/dev"), "utf8"))), ...accounts() },
  };
}

/** Ways in which a process names its container: its control group, or the files that engines mount into each. */
function witnesses(id: string): readonly ((folder: string) => boolean)[] {
  const ownMount = new RegExp(`/${id}/(?:userdata/)?(?:hostname|hosts|resolv\\.conf) /etc/`);
  return [
    (folder) => readText(join(folder, "cgroup")).includes(id),
    (folder) => ownMount.test(readText(join(folder, "mountinfo"))),
  ];
}

/** A table is read again after this many answers without it, whatever the counts say. */
const maxGuesses = 8;

/**
 * The kernel walks the sockets of the whole machine for each table, which takes milliseconds, but counts what happens
 * for next to nothing. Where it counts no connection there is none; where no segment has come or gone, all is as it
 * was; and where there was none from outside, there is none until one is accepted, however busy those are that it
 * opened itself.
 */
function createConnectionReader(proc: string, pid: number, raw: RawContainer): HostProcess["connections"] {
  const folder = join(proc, String(pid), "net");
  const choose = raw.HostConfig?.NetworkMode === "host" ? createHostChooser(proc, pid, raw) : incoming;
  let last: { readonly counts: TcpCounts; readonly found: readonly OpenConnection[] } | null = null;
  let guesses = 0;
  const isKnown = ({ line, established, accepted }: TcpCounts): boolean => {
    if (last === null || line === "") return false;
    if (last.counts.line === line) return true;
    const none = last.found.length === 0 && last.counts.accepted === accepted;
    return none && last.counts.established === established && ++guesses <= maxGuesses;
  };
  return async () => {
    const counts = toTcpCounts(readText(join(folder, "snmp")));
    if (counts.established === 0) return [];
    if (last !== null && isKnown(counts)) return last.found;
    const [tcp, tcp6] = await Promise.all([
      readFile(join(folder, "tcp"), "utf8"),
      // Not there when the kernel has no IPv6.
      readFile(join(folder, "tcp6"), "utf8").catch(() => ""),
    ]);
    const found = choose(toSockets(tcp, tcp6));
    last = { counts, found };
    guesses = 0;
    return found;
  };
}

/** In the machine's own network its sockets are told from all others by who holds them, else by the ports it names. */
function createHostChooser(proc: string, pid: number, raw: RawContainer): typeof incoming {
  const own = createOwnSockets(() => heldSockets(proc, family(proc, pid)));
  return (sockets) => {
    try {
      return own.incoming(sockets);
    } catch (error) {
      const ports = portsOf(raw);
      if (ports.length === 0) throw error;
      return incomingTo(sockets, ports);
    }
  };
}

/** A process and all that descend from it. */
function family(proc: string, pid: number): readonly number[] {
  const found = [pid];
  for (const parent of found) {
    const children = readText(`${proc}/${parent}/task/${parent}/children`).split(" ");
    found.push(...children.map(Number).filter((child) => child > 0 && !found.includes(child)));
  }
  return found;
}

/** RFC 1213, "The TCP Group". */
interface TcpCounts {
  /** All of them; empty where they cannot be read. */
  readonly line: string;
  readonly established: number | undefined;
  /** Passive opens, ever. */
  readonly accepted: number | undefined;
}

/** Two lines of `net/snmp` begin with `Tcp:`, names and values. */
function toTcpCounts(snmp: string): TcpCounts {
  const [names = "", line = ""] = snmp.split("\n").filter((text) => text.startsWith("Tcp:"));
  const values = line.split(" ");
  const valueOf = (name: string): number | undefined => {
    const column = names.split(" ").indexOf(name);
    return column > 0 ? Number(values[column]) : undefined;
  };
  return { line, established: valueOf("CurrEstab"), accepted: valueOf("PassiveOpens") };
}

/** `net/dev`: two lines of heading, then `name: rx_bytes … tx_bytes …` with 8 columns each. */
function toTraffic(table: string): Pick<Counters, "rxBytes" | "txBytes"> {
  const rows = table.split("\n").flatMap((line) => {
    const [name = "", values] = line.split(":");
    return values === undefined || name.trim() === "lo" ? [] : [values.trim().split(/\s+/).map(Number)];
  });
  if (rows.length === 0) return {};
  const sum = (column: number): number => rows.reduce((all, row) => all + (row[column] ?? 0), 0);
  return { rxBytes: sum(0), txBytes: sum(8) };
}

/** Empty when it cannot be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
