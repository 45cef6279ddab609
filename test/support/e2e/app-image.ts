import type Docker from "dockerode";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const repository = "nodoff-test/app";

/**
 * An image with the very node binary that runs the tests, the libraries it needs and busybox; nothing is pulled.
 * `programs` of this machine come with it, under their own paths and with their libraries. Imported once: the tag is a hash of what is in it. Returns the image's name.
 */
export async function ensureAppImage(docker: Docker, programs: readonly string[] = []): Promise<string> {
  const files = await filesOfImage(programs);
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(await readFile(file));
  const tag = hash.digest("hex").slice(0, 16);
  const image = `${repository}:${tag}`;
  const known = await docker.listImages({ filters: { reference: [image] } });
  if (known.length === 0) await importImage(docker, files, tag);
  return image;
}

/** Node first, then what it links to. Links among them are followed: an image needs the content under that name. */
async function filesOfImage(programs: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run("ldd", [process.execPath, ...programs]);
  const libraries = stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g);
  return [
    ...new Set([process.execPath, ...Array.from(libraries, ([, path = ""]) => path), "/bin/busybox", ...programs]),
  ];
}

async function importImage(docker: Docker, files: readonly string[], tag: string): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "nodoff-image-"));
  try {
    for (const file of files) {
      const target = file === process.execPath ? "/bin/node" : file;
      await mkdir(join(root, dirname(target)), { recursive: true });
      await copyFile(file, join(root, target));
    }
    await symlink("busybox", join(root, "bin", "sh"));
    const tar = spawn("tar", ["-C", root, "-c", "."], { stdio: ["ignore", "pipe", "inherit"] });
    const progress = await docker.importImage(tar.stdout, { repo: repository, tag });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
