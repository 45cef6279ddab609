import { resolve } from "node:path";
import { themeNames } from "../core/pages.ts";
import type { KeyPath, Report } from "./findings.ts";
import type { ConfigFile } from "./schema.ts";
import type { WorkloadKeys } from "./schema-workload.ts";
import { didYouMean } from "./suggest.ts";

/** A theme or icon that the file names. */
export interface NamedAppearance {
  readonly kind: "theme" | "icon";
  /** A name, or an absolute path. */
  readonly value: string;
  readonly path: KeyPath;
}

/** The file with themes and icons that are files or folders by their absolute paths, and where it names which. */
export function placeAppearances(
  file: ConfigFile,
  folder: string,
): { readonly file: ConfigFile; readonly appearances: readonly NamedAppearance[] } {
  const appearances: NamedAppearance[] = [];
  const place = (keys: WorkloadKeys, path: KeyPath): WorkloadKeys => {
    if (keys.loading === undefined) return keys;
    const loading = { ...keys.loading };
    for (const kind of ["theme", "icon"] as const) {
      const value = loading[kind];
      if (value === undefined) continue;
      loading[kind] = isPath(value) ? resolve(folder, value) : value;
      appearances.push({ kind, value: loading[kind], path: [...path, "loading", kind] });
    }
    return { ...keys, loading };
  };
  const placed = { ...file };
  if (file.defaults !== undefined) placed.defaults = place(file.defaults, ["defaults"]);
  const workloads = Object.entries(file.workloads ?? {}).map(
    ([alias, keys]) => [alias, place(keys, ["workloads", alias])] as const,
  );
  if (file.workloads !== undefined) placed.workloads = Object.fromEntries(workloads);
  return { file: placed, appearances };
}

/** Whoever writes labels may choose among what is there, and not have files of this machine shown. */
export function checkLabelAppearance({ loading = {} }: WorkloadKeys, report: Report): void {
  const { theme, icon } = loading;
  if (theme !== undefined && !themeNames.some((name) => name === theme)) {
    const options = themeNames.join(", ");
    const more = isPath(theme) ? "; a folder can be named in nodoff.yaml only" : didYouMean(theme, themeNames);
    report(["loading", "theme"], `"${theme}" is not one of ${options}${more}`);
  }
  if (icon !== undefined && isPath(icon)) {
    report(["loading", "icon"], `"${icon}": a file can be named in nodoff.yaml only`);
  }
}

/** `./icons/blog.svg`; a data URL has slashes, too, and so do MIME types. */
function isPath(value: string): boolean {
  return /[/\\]/.test(value) && !value.startsWith("data:");
}
