import { createHash } from "node:crypto";
import type { Request, RequestHandler } from "express";
import type { Access } from "./access.ts";
import { sendProblem } from "./answers.ts";
import { type DashboardFiles, type DashboardPlaces, type Encoding, readDashboard } from "./dashboard-files.ts";

/** The dashboard's answers. */
export interface Dashboard {
  /**
   * `GET /`: the page, asked for anew each time and not sent again while it is the same. Whoever has not signed in is
   * led to the login.
   */
  readonly page: RequestHandler;
  /** `GET /assets/:version/*path`, behind the login: modules and styles. Their address names their content, so they are kept for a year. */
  readonly asset: RequestHandler;
}

export interface DashboardOptions extends DashboardPlaces {
  /** `base_path`, such as `/` or `/nodoff`. */
  readonly basePath: () => string;
  readonly identify: Access["identify"];
}

const year = 31_536_000;

/** Reads the files when somebody first asks: who never opens the dashboard does not pay for it. */
export function createDashboard(options: DashboardOptions): Dashboard {
  let known: DashboardFiles | null = null;
  const files = (): DashboardFiles => (known ??= readDashboard(options));
  return {
    page: async (request, response) => {
      const asking = await options.identify(request);
      const base = toBase(options.basePath());
      if (asking.kind === "refused" && asking.problem.code === "UNAUTHORIZED")
        return response.redirect(303, `${base}login`);
      if (asking.kind === "refused") return sendProblem(response, asking.problem);
      const { html, policy } = toPage(files(), base);
      response.set({
        "cache-control": "private, no-cache",
        "content-security-policy": policy,
        "content-type": "text/html; charset=utf-8",
        etag: `"${createHash("sha256").update(html).digest("base64url").slice(0, 22)}"`,
      });
      if (request.fresh) return void response.status(304).end();
      response.end(html);
    },
    asset: async (request, response) => {
      const { version, path } = request.params;
      const name = Array.isArray(path) ? path.join("/") : "";
      const asset = version === files().version ? files().assets.get(name) : undefined;
      if (asset === undefined) return sendProblem(response, { code: "NOT_FOUND" });
      const encoding = toEncoding(request);
      response.set({
        "cache-control": `private, max-age=${year}, immutable`,
        "content-type": asset.type,
        vary: "accept-encoding",
        ...(encoding === "identity" ? {} : { "content-encoding": encoding }),
      });
      response.end(await asset.body(encoding));
    },
  };
}

function toEncoding(request: Request): Encoding {
  const best = request.acceptsEncodings("br", "gzip", "identity");
  return best === "br" || best === "gzip" ? best : "identity";
}

function toBase(basePath: string): string {
  return basePath === "/" ? "./" : `${basePath}/`;
}

/**
 * Every address in it is relative, so it works wherever a proxy puts it. Only a configured base path is told to the
 * browser: then it also works where the address lacks its last slash.
 */
function toPage({ page, version, assets }: DashboardFiles, base: string): { html: string; policy: string } {
  const folder = `assets/${version}/`;
  const imports = JSON.stringify({
    imports: { "lit-html": `${base}${folder}lit-html/lit-html.js`, "lit-html/": `${base}${folder}lit-html/` },
  });
  const names = [...assets.keys()];
  const preloads = names
    .filter((name) => name.endsWith(".js") && name !== "theme.js")
    .map((name) => `<link rel="modulepreload" href="${folder}${name}">`);
  const styles = names
    .filter((name) => name.endsWith(".css"))
    .map((name) => `<link rel="stylesheet" href="${folder}${name}">`);
  const parts: Readonly<Record<string, string>> = {
    base: base === "./" ? "" : `<base href="${base}">`,
    assets: folder,
    imports: `<script type="importmap">${imports}</script>`,
    links: [...styles, ...preloads].join("\n"),
  };
  const html = page.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name] ?? "");
  return { html, policy: toPolicy(imports) };
}

/** No inline code runs but the import map, which is known by its hash; nothing is loaded from anywhere else. */
function toPolicy(imports: string): string {
  const hash = createHash("sha256").update(imports).digest("base64");
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}
