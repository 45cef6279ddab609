import { dirname, isAbsolute, join } from "node:path";
import type { ConfigError, Config, KeyPlace } from "./types.ts";
import { expandVariables } from "./expand.ts";
import type { Env } from "./expand.ts";
import { toFindings } from "./findings.ts";
import type { Finding, KeyPath } from "./findings.ts";
import { findNotYet } from "./not-yet.ts";
import { type NamedAppearance, placeAppearances } from "./resolve-loading.ts";
import type { ReadSecret } from "./resolve-providers.ts";
import { resolveConfig } from "./resolve.ts";
import type { Place } from "./resolve-settings.ts";
import { ConfigFile } from "./schema.ts";
import { readYaml } from "./yaml-tree.ts";

export interface LoadOptions {
  /** Path of nodoff.yaml as it is to appear in errors; null = there is none, so everything is default. */
  readonly file: string | null;
  readonly env: Env;
  /** Text of a file, UTF-8. May throw. Also asked for `*_file` keys, relative ones from the folder of `file`. */
  readonly readFile: (path: string) => string;
}

export type LoadResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly errors: readonly ConfigError[]; readonly warnings: readonly ConfigError[] };

/** What a file holds. */
export type Loaded =
  | (LoadResult & {
      readonly ok: true;
      /** Where the file says it, for what only engines can tell of a valid configuration. */
      readonly place: (path: readonly string[]) => { readonly line: number; readonly column: number };
    })
  | (LoadResult & { readonly ok: false });

/** Reads and checks the whole configuration. Reports every error it can find at once; never throws. */
export function loadConfig(options: LoadOptions): Loaded {
  const { file, env, readFile } = options;
  const name = file ?? "nodoff.yaml";
  let text = "";
  try {
    if (file !== null) text = readFile(file);
  } catch (error) {
    return { ok: false, errors: [{ file: name, line: 1, column: 1, key: "", message: toReason(error) }], warnings: [] };
  }
  const tree = readYaml(text, (scalar) => expandVariables(scalar, env));
  const place = (path: KeyPath): KeyPlace => ({ file: name, ...tree.place(path), key: path.join(".") });
  const toError = ({ path, message }: Finding): ConfigError => ({ ...place(path), message });
  const errors = tree.problems.map(({ path, ...problem }) => ({ file: name, key: path.join("."), ...problem }));
  const checked = tree.value === undefined ? undefined : check(tree.value, place, options);
  const found = [...errors, ...(checked?.errors ?? []).map(toError)];
  const warnings = inOrder((checked?.warnings ?? []).map(toError));
  if (found.length > 0 || checked?.config === undefined) return { ok: false, errors: inOrder(found), warnings };
  const appearances = checked.appearances.map(({ kind, value, path }) => ({ kind, value, place: place(path) }));
  return { ok: true, config: { ...checked.config, warnings, appearances }, place: tree.place };
}

/** An error as people read it: `nodoff.yaml:12:5 workloads.blog.idle_timeout: …`. */
export function formatConfigError({ file, line, column, key, message }: ConfigError): string {
  return `${file}:${line}:${column} ${key === "" ? "" : `${key}: `}${message}`;
}

/**
 * The file to use: the one that was asked for (`--config`, else NODOFF_CONFIG), else the first that exists of
 * `./nodoff.yaml` and `/etc/nodoff/nodoff.yaml`; null = none.
 */
export function findConfigFile(options: {
  readonly given: string | undefined;
  readonly env: Env;
  readonly exists: (path: string) => boolean;
}): string | null {
  const asked = options.given ?? options.env["NODOFF_CONFIG"];
  if (asked !== undefined && asked !== "") return asked;
  return ["nodoff.yaml", "/etc/nodoff/nodoff.yaml"].find((path) => options.exists(path)) ?? null;
}

interface Checked {
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly config: Omit<Config, "warnings" | "appearances"> | undefined;
  readonly appearances: readonly NamedAppearance[];
}

function check(value: unknown, place: Place, options: LoadOptions): Checked {
  const parsed = ConfigFile.safeParse(value);
  const schemaErrors = parsed.success ? [] : toFindings(parsed.error.issues);
  const errors = [...schemaErrors, ...findNotYet(value)];
  const warnings: Finding[] = [];
  const { rest, broken } = withoutWrong(value, schemaErrors);
  const sound = parsed.success ? parsed : ConfigFile.safeParse(rest);
  if (!sound.success) return { errors, warnings, config: undefined, appearances: [] };
  const folder = dirname(options.file ?? ".");
  const { file, appearances } = placeAppearances(sound.data, folder);
  const config = resolveConfig(file, {
    env: options.env,
    readSecret: createReadSecret(options),
    folder,
    place,
    report: (path, message) => void errors.push({ path, message }),
    warn: (path, message) => void warnings.push({ path, message }),
    broken,
  });
  return { errors, warnings, config, appearances };
}

const sectionsOfEntries: ReadonlySet<string> = new Set(["providers", "workloads", "routes"]);

/** The tree without what the schema refused, entry by entry, so that the rest can still be checked in the same run. */
function withoutWrong(value: unknown, errors: readonly Finding[]): { rest: unknown; broken: ReadonlySet<string> } {
  const broken = new Set<string>();
  if (typeof value !== "object" || value === null) return { rest: {}, broken };
  const rest: Record<string, unknown> = { ...value };
  for (const { path } of errors) {
    const [section, entry] = path.map(String);
    if (section === undefined) continue;
    if (entry === undefined || !sectionsOfEntries.has(section)) {
      broken.add(section);
      delete rest[section];
      continue;
    }
    broken.add(`${section}.${entry}`);
    const entries = rest[section];
    if (typeof entries === "object" && entries !== null)
      rest[section] = Object.fromEntries(Object.entries(entries).filter(([key]) => key !== entry));
  }
  return { rest, broken };
}

function createReadSecret({ file, readFile }: LoadOptions): ReadSecret {
  return (path, report) => {
    try {
      return readFile(isAbsolute(path) ? path : join(dirname(file ?? "."), path)).trimEnd();
    } catch (error) {
      report(`"${path}" ${toReason(error)}`);
      return null;
    }
  };
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "not allowed",
  EISDIR:
    "is a folder (Docker makes one where a file to mount is not there: remove it, write the file, `docker compose up -d`)",
};

function toReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error));
  return `cannot be read: ${reason}`;
}

function inOrder(errors: readonly ConfigError[]): ConfigError[] {
  return [...errors].sort((a, b) => a.line - b.line || a.column - b.column);
}
