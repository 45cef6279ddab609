import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Files that are shipped beside the code. From sources they lie two folders up; in the bundle (dist/) one: the nearest
 * is taken, since the folder above may be a project of its own.
 */
function locate(...names: readonly string[]): string {
  const found = names.map(find).find((path) => path !== null);
  if (found === undefined) throw new Error(`${names.join(" or ")} is not where nodoff was installed`);
  return found;
}

function find(name: string): string | null {
  const here = ["./", "../", "../../"].map((up) => fileURLToPath(new URL(`${up}${name}`, import.meta.url)));
  return here.find((path) => existsSync(path)) ?? null;
}

export function templatesFolder(): string {
  return locate("templates");
}

/** Icons of Simple Icons: the extract beside the bundle, else the package among the sources. null = neither is there. */
export function brandIcons(): string | null {
  return find("icons.txt") ?? find("node_modules/simple-icons/index.mjs");
}

/** Where the dashboard's own files and lit-html lie: the bundle brings a copy of it. */
export function dashboardPlaces(): { readonly dir: string; readonly library: string } {
  return { dir: locate("dashboard"), library: locate("lit-html", "node_modules/lit-html") };
}

export function configSchema(): unknown {
  return JSON.parse(readFileSync(locate("nodoff.schema.json"), "utf8"));
}

export function version(): string {
  const { version: text } = JSON.parse(readFileSync(locate("package.json"), "utf8")) as { version: string };
  return text;
}

/** The little web app of `nodoff demo`: TypeScript among the sources, JavaScript in the bundle. */
export function demoApp(): string {
  const typescript = fileURLToPath(new URL("./demo-app.ts", import.meta.url));
  return existsSync(typescript) ? typescript : fileURLToPath(new URL("./demo-app.cjs", import.meta.url));
}
