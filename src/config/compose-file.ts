import { parse } from "yaml";
import { NodoffError } from "../core/errors.ts";
import type { LabelPeer } from "./adopting.ts";
import type { Env } from "./expand.ts";
import type { Labels } from "./foreign-door.ts";

interface Service {
  readonly container_name?: unknown;
  readonly labels?: unknown;
}

/**
 * The services of a compose file with their labels, written as a map or a list; `${VAR}`, `${VAR:-default}` and `$$` as
 * compose reads them. Throws CONFIG_INVALID for what is none.
 */
export function readComposeFile(text: string, env: Env): readonly LabelPeer[] {
  const services = servicesOf(text);
  return Object.entries(services).map(([name, service]) => {
    const given = expand(toText(service?.container_name), env);
    return { name, labels: toLabels(service, env), containerName: given === "" ? name : given };
  });
}

function servicesOf(text: string): Readonly<Record<string, Service | null>> {
  let tree: unknown;
  try {
    tree = parse(text, { merge: true, prettyErrors: true, logLevel: "error" });
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new NodoffError("CONFIG_INVALID", `is not valid YAML: ${line}`, { cause: error });
  }
  const services = isMap(tree) ? tree["services"] : undefined;
  if (!isMap(services)) throw new NodoffError("CONFIG_INVALID", `is no compose file: it has no "services"`);
  return services as Readonly<Record<string, Service | null>>;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toLabels(service: Service | null, env: Env): Labels {
  const written = service?.labels ?? {};
  const pairs = Array.isArray(written) ? written.map(toPair) : Object.entries(isMap(written) ? written : {});
  return Object.fromEntries(pairs.map(([key, value]) => [expand(key, env), expand(toText(value), env)]));
}

function toPair(label: unknown): readonly [string, unknown] {
  const text = toText(label);
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function toText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** https://docs.docker.com/reference/compose-file/interpolation/ */
function expand(text: string, env: Env): string {
  return text.replace(
    /\$(?:(\$)|\{(\w+)(?::?-([^}]*))?[^}]*\}|(\w+))/g,
    (
      _all,
      dollar: string | undefined,
      name: string | undefined,
      fallback: string | undefined,
      bare: string | undefined,
    ) => dollar ?? (env[name ?? bare ?? ""] || fallback || ""),
  );
}
