import type Docker from "dockerode";
import { execFile, spawn } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ensureAppImage } from "./app-image.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Tools of our checks and tests that the build has no use for; they are most of what is installed. */
const unused = [
  "node",
  "playwright-core",
  "typescript",
  "@typescript",
  "@oxlint",
  "@oxlint-tsgolint",
  "@oxfmt",
  "knip",
];

/** npm where there is no registry: `ci` hands over the packages that are installed here, `run` runs a script. */
const npm = `#!/bin/sh
set -e
case "$1" in
  ci) ln -s /installed/node_modules node_modules ;;
  run) exec sh -c "$(node -p 'JSON.parse(fs.readFileSync("package.json", "utf8")).scripts[process.argv[1]]' "$2")" ;;
  *) echo "no npm $1 here" >&2; exit 1 ;;
esac
`;

const dockerfile = (from: string): string => `FROM ${from}
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /tmp /etc && chmod 1777 /tmp && echo 'node:x:1000:1000::/tmp:/bin/sh' >/etc/passwd
COPY npm /bin/npm
COPY node_modules /installed/node_modules
`;

/** Builds a stand-in for the base image (this machine's node, busybox, no Debian) under that name. */
export async function buildBase(docker: Docker, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nodoff-base-"));
  try {
    // For the libraries it links to.
    const bindings = globSync(join(root, "node_modules/@rolldown/binding-*/*.node"));
    await writeFile(join(folder, "Dockerfile"), dockerfile(await ensureAppImage(docker, bindings)));
    await writeFile(join(folder, "npm"), npm, { mode: 0o755 });
    const excluded = unused.map((each) => `--exclude=node_modules/${each}`);
    const args = ["-c", ...excluded, "-C", folder, "Dockerfile", "npm", "-C", root, "node_modules"];
    const tar = spawn("tar", args, { stdio: ["ignore", "pipe", "inherit"] });
    const progress = await docker.buildImage(tar.stdout, { t: name });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `docker build` of this repository, as the README says it, on that base. `stage` names what it is built in. */
export async function buildNodoff(
  name: string,
  { base, stage }: { readonly base: string; readonly stage: string },
): Promise<void> {
  const build = async (...args: readonly string[]): Promise<void> => {
    const given = ["--build-arg", `NODE_IMAGE=${base}`, "--build-arg", "VERSION=1.2.3"];
    // The stand-in is nowhere but in this engine, where the newer builder does not look.
    const env = { ...process.env, DOCKER_BUILDKIT: "0" };
    await run("docker", ["build", "-q", ...given, ...args, "."], { cwd: root, env });
  };
  // By its name it can be removed again.
  await build("--target", "build", "-t", stage);
  await build("-t", name);
}
