import { isAbsolute, resolve as resolvePath } from "node:path";
import type { Report } from "./findings.ts";
import type { ProviderType } from "./resolve-providers.ts";
import type { targetKeys, WorkloadKeys } from "./schema-workload.ts";
import type { ProcessCommand } from "./types.ts";

/** What a workload can be, by the key that names it. */
export type Kind = keyof typeof targetKeys;

/** Which provider a kind needs, and how its workloads can be put to sleep; a group has no provider of its own. */
export const kinds: Readonly<
  Record<Kind, { readonly type: ProviderType | null; readonly methods: readonly string[] }>
> = {
  container: { type: "docker", methods: ["stop", "pause", "kill"] },
  compose: { type: "docker", methods: ["stop", "pause", "kill"] },
  service: { type: "docker", methods: ["stop", "pause", "kill"] },
  lxc: { type: "proxmox", methods: ["stop", "kill"] },
  vm: { type: "proxmox", methods: ["stop", "kill", "pause", "suspend"] },
  process: { type: "process", methods: ["stop", "pause", "kill"] },
  group: { type: null, methods: ["stop", "pause", "kill"] },
};

/** The one kind the keys name; undefined (and a finding) where they name none. The first of several. */
export function toKind(keys: WorkloadKeys, report: Report): Kind | undefined {
  const given = (Object.keys(kinds) as Kind[]).filter((kind) => keys[kind] !== undefined);
  const [first, second] = given;
  if (first === undefined) report([], "needs one of container, compose, service, process, group");
  if (second !== undefined) report([second], `"${first}" is given too: only one of them can be what sleeps`);
  return first;
}

/** What the provider calls it; undefined for kinds that are not there yet. */
export function toRef(kind: Kind, alias: string, { container, service, compose }: WorkloadKeys): string | undefined {
  switch (kind) {
    case "container":
      return container;
    case "service":
      return service;
    case "compose":
      return compose;
    case "process":
    case "group":
      return alias;
    case "lxc":
    case "vm":
      return undefined;
  }
}

interface Reference {
  readonly alias: string;
  readonly provider: string;
  readonly ref: string;
}

/** Finds what is two workloads at once: what one puts to sleep, the other may need. */
export function createRefs(): (kind: Kind, reference: Reference, report: Report) => void {
  const taken = new Map<string, string>();
  const parts = new Map<string, string>();
  return (kind, { alias, provider, ref }, report) => {
    const first = taken.get(`${provider} ${kind} ${ref}`);
    if (first !== undefined) report([kind], `"${ref}" is workload "${first}" already`);
    else taken.set(`${provider} ${kind} ${ref}`, alias);
    const project = `${provider} ${ref.split("/")[0]}`;
    if (kind === "service") parts.set(project, alias);
    const whole = kind === "service" ? taken.get(`${provider} compose ${ref.split("/")[0]}`) : undefined;
    const part = kind === "compose" ? parts.get(project) : undefined;
    if (whole !== undefined) report([kind], `"${ref}" is part of workload "${whole}" already`);
    if (part !== undefined) report([kind], `a part of "${ref}" is workload "${part}" already`);
  };
}

/** What the process provider is to run; relative paths start in `folder`. */
export function toCommand(provider: string, keys: WorkloadKeys, folder: string): ProcessCommand {
  const { command = [], cwd, env = {} } = keys.process ?? {};
  const place = cwd === undefined ? null : isAbsolute(cwd) ? cwd : resolvePath(folder, cwd);
  return { provider, command, cwd: place, env };
}
