import { parseHostPattern } from "./addresses.ts";
import { readCaddyLabels } from "./caddy-labels.ts";
import { isPort, needsHost } from "./foreign-door.ts";
import type { ForeignDoor, ForeignDoors, ForeignProblem, Labels } from "./foreign-door.ts";
import { readTraefikLabels } from "./traefik-labels.ts";

/**
 * Doors read from what is there for other proxies: Traefik routers, caddy-docker-proxy sites, nginx-proxy's
 * VIRTUAL_HOST (a label or, where `env` is known, an environment variable). A label that cannot be read exactly is a
 * problem that asks for `nodoff.host`: half a truth would let a container sleep while its other half is in use.
 */
export function readForeignDoors(labels: Labels, env: Labels = {}): ForeignDoors {
  const parts = [readTraefikLabels(labels), readCaddyLabels(labels), readVirtualHost({ ...env, ...labels })];
  const doors = new Map<string, ForeignDoor>();
  for (const door of parts.flatMap((part) => part.doors)) {
    const key = `${door.host} ${door.path}`;
    if (!doors.has(key)) doors.set(key, door);
  }
  return { doors: [...doors.values()], problems: parts.flatMap((part) => part.problems) };
}

function readVirtualHost(values: Labels): ForeignDoors {
  const names = (values["VIRTUAL_HOST"] ?? "").split(",").map((part) => part.trim());
  const given = names.filter((name) => name !== "");
  const { VIRTUAL_PORT: port = "", VIRTUAL_PROTO: proto = "http", VIRTUAL_PATH: path = "/" } = values;
  const problems: ForeignProblem[] = [];
  const report = (key: string, why: string): void => void problems.push({ key, message: `${why}: ${needsHost}` });
  if (values["VIRTUAL_HOST_MULTIPORTS"] !== undefined) report("VIRTUAL_HOST_MULTIPORTS", "cannot be read");
  if (given.length === 0) return { doors: [], problems };
  if (port !== "" && !isPort(port)) report("VIRTUAL_PORT", `"${port}" is not a port`);
  if (!/^\/[^*?#\s]*$/.test(path)) report("VIRTUAL_PATH", `"${path}" is not a path`);
  const scheme = proto === "https" ? "https" : "http";
  const upstream = { kind: "port", port: isPort(port) ? Number(port) : null, scheme } as const;
  const doors: ForeignDoor[] = [];
  for (const name of given) {
    // In nginx `*.x` stands for any number of labels.
    const host = parseHostPattern(name)?.replace(/^\*\.(?!\*)/, "**.");
    if (host === undefined) report("VIRTUAL_HOST", `"${name}" is not a host`);
    else doors.push({ origin: "virtual_host", host, path: path.replace(/(?<=.)\/+$/, ""), upstream });
  }
  return { doors, problems };
}
