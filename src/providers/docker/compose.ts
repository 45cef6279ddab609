import type { ComposePlace } from "../../core/provider.ts";

const projectLabel = "com.docker.compose.project";
const serviceLabel = "com.docker.compose.service";
const dependsOnLabel = "com.docker.compose.depends_on";

export type Labels = Readonly<Record<string, string>>;

/** `project/service`, or undefined outside compose. One-off runs belong to no service. */
export function serviceOf(labels: Labels | null | undefined): string | undefined {
  const project = labels?.[projectLabel];
  const service = labels?.[serviceLabel];
  return project && service && !isOneOff(labels) ? `${project}/${service}` : undefined;
}

/** The label filter that finds the containers of `project/service`; undefined when `ref` is no such name. */
export function serviceFilter(ref: string): readonly string[] | undefined {
  const [project, service, ...rest] = ref.split("/");
  if (!project || !service || rest.length > 0) return undefined;
  return [`${projectLabel}=${project}`, `${serviceLabel}=${service}`];
}

/** `compose run`: it ends by itself and nobody starts it again. */
export function isOneOff(labels: Labels | null | undefined): boolean {
  return labels?.["com.docker.compose.oneoff"]?.toLowerCase() === "true";
}

const conditions: ReadonlyMap<string, ComposePlace["dependsOn"][number]["condition"]> = new Map([
  ["service_started", "started"],
  ["service_healthy", "healthy"],
  ["service_completed_successfully", "completed"],
]);

/** Its place in its project; undefined outside of compose. */
export function toComposePlace(labels: Labels): ComposePlace | undefined {
  const project = labels[projectLabel];
  const service = labels[serviceLabel];
  if (!project || !service || isOneOff(labels)) return undefined;
  // `db:service_healthy:false,cache:service_started:true`; old versions wrote the names alone.
  const parts = (labels[dependsOnLabel] ?? "").split(",").map((part) => part.trim().split(":"));
  const dependsOn = parts.flatMap(([name = "", condition = ""]) =>
    name === "" ? [] : { service: name, condition: conditions.get(condition) ?? "started" },
  );
  return { project, service, dependsOn };
}
