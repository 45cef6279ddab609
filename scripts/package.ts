import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

// `npm run package [-- FOLDER]`: a folder (default package/) with everything that is shipped. The image holds it,
// `npm pack ./package` packs it. All libraries are in the bundle, so its package.json names none: whoever installs it
// gets no others, and no script of anybody runs.
const root = fileURLToPath(new URL("../", import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, "package"));
const bundler = join(root, "node_modules", "rolldown", "bin", "cli.mjs");
const kept = new Set(["name", "version", "description", "keywords", "license", "bin", "type", "engines", "files"]);

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const bundle = [bundler, "-c", "rolldown.config.ts", "--dir", join(folder, "dist")];
execFileSync(process.execPath, bundle, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
await chmod(join(folder, "dist", "main.cjs"), 0o755);
const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
  readonly files: readonly string[];
};
// Tests and types lie beside what browsers load.
const filter = (path: string): boolean => !/\.ts$|tsconfig\.json$/.test(path);
for (const name of [...manifest.files, "LICENSE", "README.md"])
  if (name !== "dist") await cp(join(root, name), join(folder, name), { recursive: true, filter });
const own = Object.fromEntries(Object.entries(manifest).filter(([key]) => kept.has(key)));
await writeFile(join(folder, "package.json"), `${JSON.stringify(own, null, 2)}\n`);
