import { realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { IncomingMessage, ServerResponse } from "node:http";
import send from "send";
import type { ErrorCode } from "../core/errors.ts";
import type { FilesSpec } from "../core/spec.ts";
import type { Outgoing } from "./request-headers.ts";
import { toUpstreamPath } from "./request-headers.ts";

/** One request for a file. */
export interface FileRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly files: FilesSpec;
  readonly outgoing: Outgoing;
  /** Answers with a failure; nothing was sent yet. */
  readonly refuse: (code: ErrorCode) => void;
}

type Found =
  | { readonly kind: "file"; /** Below the root, without links. */ readonly path: string; readonly root: string }
  /** A directory asked for without its slash: relative links in its page would lead elsewhere. */
  | { readonly kind: "directory" }
  | { readonly kind: "missing" };

const missing: Found = { kind: "missing" };

/**
 * Answers with a file below the route's root: ranges, ETag and conditions by `send`. What the path leads to is looked up
 * first, links included, so that neither `..`, encodings nor links lead out of the root, nor to a dotfile.
 */
export async function serveFile(asked: FileRequest): Promise<void> {
  const { req, res, files, outgoing, refuse } = asked;
  if (req.method !== "GET" && req.method !== "HEAD") {
    res.setHeader("allow", "GET, HEAD");
    return refuse("METHOD_NOT_ALLOWED");
  }
  const path = toFilePath(toUpstreamPath({ ...outgoing, target: { ...outgoing.target, query: "" } }));
  if (path === null) return refuse("BAD_REQUEST");
  let found = await find(path, files);
  if (found.kind === "missing" && files.spa && wantsPage(req)) found = await find("/", files);
  if (res.destroyed) return;
  switch (found.kind) {
    case "missing":
      return refuse("NOT_FOUND");
    case "directory": {
      const { target } = outgoing;
      // One slash only at its start: two would name another host.
      const location = `${target.path.replace(/^\/+/, "/")}/${target.query}`;
      return void res.writeHead(308, { location, "content-length": 0 }).end();
    }
    case "file":
      return stream(asked, found);
  }
}

function stream({ req, res, refuse }: FileRequest, { path, root }: Found & { readonly kind: "file" }): void {
  const encoded = path.split(sep).map(encodeURIComponent).join("/");
  send(req, `/${encoded}`, { root, index: false, dotfiles: "allow" })
    .on("error", (error: Error & { readonly status?: number }) => {
      if (res.headersSent) return void res.destroy();
      // A condition or a range that does not hold is an answer, not a failure.
      if (error.status === 412 || error.status === 416)
        return void res.writeHead(error.status, { "content-length": 0 }).end();
      refuse(error.status === 404 ? "NOT_FOUND" : "INTERNAL");
    })
    .pipe(res);
}

/** The path as files have it; null = it is none. */
function toFilePath(path: string): string | null {
  try {
    const decoded = decodeURIComponent(path);
    return decoded.includes("\0") ? null : decoded;
  } catch {
    return null;
  }
}

async function find(path: string, { root: given, index, dotfiles }: FilesSpec): Promise<Found> {
  const root = await resolve(given);
  if (root === null) return missing;
  const isShown = (real: string): boolean => isWithin(root, real) && (dotfiles || !hasDot(relative(root, real)));
  if (path.split("/").includes("..") || (!dotfiles && hasDot(path))) return missing;
  const real = await resolve(join(root, path));
  if (real === null || !isShown(real)) return missing;
  const kind = await kindOf(real);
  if (kind === "file") return path.endsWith("/") ? missing : { kind: "file", path: relative(root, real), root };
  if (kind !== "directory") return missing;
  for (const name of index) {
    const page = await resolve(join(real, name));
    if (page === null || !isShown(page) || (await kindOf(page)) !== "file") continue;
    return path.endsWith("/") ? { kind: "file", path: relative(root, page), root } : { kind: "directory" };
  }
  return missing;
}

function resolve(path: string): Promise<string | null> {
  return realpath(path).catch(() => null);
}

/** Anything else (sockets, pipes, devices) is nobody's business. */
async function kindOf(path: string): Promise<"file" | "directory" | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  return found.isFile() ? "file" : found.isDirectory() ? "directory" : null;
}

function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function hasDot(path: string): boolean {
  return path.split(/[/\\]/).some((segment) => segment.startsWith("."));
}

/** Whether it is a page somebody navigates to: a missing image or script must stay missing. */
function wantsPage({ headers }: IncomingMessage): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? "");
}
