import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import type { Counters } from "../../core/provider.ts";

/** Reads what a control group has used: CPU since it was made, memory now. Throws system errors. */
export type Accounts = () => Pick<Counters, "cpuMs" | "memoryBytes">;

/** How one version of control groups tells one thing. */
interface Source {
  /** As in `/proc/<pid>/cgroup`; empty in version 2. */
  readonly controller: string;
  /** By which it is recognised. */
  readonly file: string;
  readonly read: (folder: string) => number;
}

const number = (folder: string, file: string): number => Number(readFileSync(join(folder, file), "utf8"));
const field = (folder: string, file: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(join(folder, file), "utf8"))?.[1] ?? 0);

const cpu: readonly Source[] = [
  { controller: "cpuacct", file: "cpuacct.usage", read: (folder) => number(folder, "cpuacct.usage") / 1e6 },
  { controller: "", file: "cpu.stat", read: (folder) => field(folder, "cpu.stat", "usage_usec") / 1e3 },
];
/** Page cache that nobody has read for a while is no use of memory: it goes when somebody else needs it. */
const memory: readonly Source[] = [
  {
    controller: "memory",
    file: "memory.usage_in_bytes",
    read: (folder) => number(folder, "memory.usage_in_bytes") - field(folder, "memory.stat", "total_inactive_file"),
  },
  {
    controller: "",
    file: "memory.current",
    read: (folder) => number(folder, "memory.current") - field(folder, "memory.stat", "inactive_file"),
  },
];

/** `listing` is `/proc/<pid>/cgroup`. undefined: no CPU time can be read below `root`. */
export function findAccounts(root: string, listing: string, id: string): Accounts | undefined {
  const places = toPlaces(listing, id);
  const readCpu = findSource(cpu, root, places);
  const readMemory = findSource(memory, root, places);
  return (
    readCpu &&
    (() => ({ cpuMs: readCpu(), ...(readMemory !== undefined && { memoryBytes: Math.max(0, readMemory()) }) }))
  );
}

interface Place {
  /** `cpu,cpuacct`; empty in version 2. */
  readonly controllers: string;
  readonly path: string;
}

/** Lines are `7:memory:/docker/<id>`; below the container's own group there may be those of its services. */
function toPlaces(listing: string, id: string): readonly Place[] {
  return listing.split("\n").flatMap((line) => {
    const [, controllers = "", ...rest] = line.split(":");
    const segments = rest.join(":").split("/");
    const own = segments.findIndex((segment) => segment.includes(id));
    return own === -1 ? [] : [{ controllers, path: segments.slice(0, own + 1).join("/") }];
  });
}

function findSource(sources: readonly Source[], root: string, places: readonly Place[]): (() => number) | undefined {
  for (const { controller, file, read } of sources) {
    const place = places.find(({ controllers }) => controllers.split(",").includes(controller));
    if (place === undefined) continue;
    const mounts = controller === "" ? ["", "unified"] : [controller, place.controllers];
    const folders = mounts.flatMap((mount) => pathsOf(place.path).map((path) => join(root, mount, path)));
    const folder = folders.find((candidate) => isReadable(join(candidate, file)));
    if (folder !== undefined) return () => read(folder);
  }
  return undefined;
}

/** Seen from a control group namespace of its own, `/../<name>` hides where the other group really is. */
function pathsOf(path: string): readonly string[] {
  if (!path.startsWith("/..")) return [path];
  const name = posix.basename(path);
  return ["docker", "system.slice", "machine.slice"].map((parent) => `/${parent}/${name}`);
}

function isReadable(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}
