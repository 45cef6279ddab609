import type { Labels } from "./container.ts";

/** The name Traefik gives the router and service of a container that names none. */
export function defaultName(containerName: string, labels: Labels): string {
  const project = labels["com.docker.compose.project"] ?? "";
  const service = labels["com.docker.compose.service"] ?? "";
  const name = project !== "" && service !== "" ? `${service}_${project}` : containerName;
  return name
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part !== "")
    .join("-");
}
