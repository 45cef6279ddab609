import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip, constants } from "node:zlib";

/** Where the dashboard's files lie. */
export interface DashboardPlaces {
  /** Ours: index.html, modules, styles. */
  readonly dir: string;
  /** The package lit-html, of which `libraryFiles` are needed. */
  readonly library: string;
}

/** What browsers load of lit-html: its entry points that the dashboard imports, and what those import. */
export const libraryFiles = [
  "lit-html.js",
  "directive.js",
  "directive-helpers.js",
  "directives/guard.js",
  "directives/live.js",
  "directives/repeat.js",
] as const;

export type Encoding = "br" | "gzip" | "identity";

/** A file as it goes over the wire. */
export interface Asset {
  readonly type: string;
  body(encoding: Encoding): Promise<Buffer>;
}

/** The dashboard, read once. */
export interface DashboardFiles {
  /** The page, with `{{base}}`, `{{imports}}` and `{{assets}}` in it. */
  readonly page: string;
  /** Names every state of all assets together: other content, another version. */
  readonly version: string;
  /** By path below the assets' address; lit-html under `lit-html/`. */
  readonly assets: ReadonlyMap<string, Asset>;
}

const types: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Reads everything. Throws where a file is missing: then nodoff is not installed as a whole. */
export function readDashboard({ dir, library }: DashboardPlaces): DashboardFiles {
  const own = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) => extname(name) in types);
  const paths = new Map([
    ...own.sort().map((name) => [name.replaceAll("\\", "/"), join(dir, name)] as const),
    ...libraryFiles.map((name) => [`lit-html/${name}`, join(library, name)] as const),
  ]);
  const hash = createHash("sha256");
  const assets = new Map<string, Asset>();
  for (const [name, path] of paths) {
    const content = readFileSync(path);
    hash.update(`${name}\n${content.length}\n`).update(content);
    assets.set(name, toAsset(types[extname(name)] ?? "", content));
  }
  return { page: readFileSync(join(dir, "index.html"), "utf8"), version: hash.digest("hex").slice(0, 16), assets };
}

const compress = {
  br: (content: Buffer) => promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (content: Buffer) => promisify(gzip)(content),
};

/** Compressed when first asked for, then kept: the files never change while nodoff runs. */
function toAsset(type: string, content: Buffer): Asset {
  const packed = new Map<Encoding, Promise<Buffer>>([["identity", Promise.resolve(content)]]);
  return {
    type,
    body(encoding) {
      if (encoding === "identity") return Promise.resolve(content);
      const body = packed.get(encoding) ?? compress[encoding](content);
      packed.set(encoding, body);
      return body;
    },
  };
}
