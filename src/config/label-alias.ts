import type { Report } from "./findings.ts";
import type { Labels } from "./foreign-door.ts";
import { namePattern } from "./shape.ts";

export interface AliasQuestion {
  /** `nodoff.name`. */
  readonly name: string | undefined;
  readonly labels: Labels;
  readonly containerName: string;
  /** Aliases of everybody else. */
  readonly taken: ReadonlySet<string>;
}

/**
 * The alias of a container: `nodoff.name`, else its Compose service, else project-service, else its own name. A name
 * that was asked for is never replaced by another: when taken, that is reported.
 */
export function toAlias({ name, labels, containerName, taken }: AliasQuestion, report: Report): string {
  if (name !== undefined) {
    if (taken.has(name)) report(["name"], `the alias "${name}" is taken`);
    return name;
  }
  const service = labels["com.docker.compose.service"];
  const project = labels["com.docker.compose.project"];
  const candidates = [service, service && project && `${project}-${service}`, containerName];
  const free = candidates.find((found) => found !== undefined && namePattern.test(found) && !taken.has(found));
  if (free === undefined) report(["name"], `the alias "${containerName}" is taken: needs nodoff.name`);
  return free ?? containerName;
}

/** The alias of `nodoff.routes.<name>`: its name, else behind the workload's alias. */
export function toRouteAlias(name: string, workload: string, taken: ReadonlySet<string>, report: Report): string {
  if (!taken.has(name) && name !== workload) return name;
  const longer = `${workload}-${name}`;
  if (taken.has(longer)) report([], `the aliases "${name}" and "${longer}" are taken`);
  return longer;
}
