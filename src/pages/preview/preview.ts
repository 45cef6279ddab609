import { watch } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isAbsolute } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { type PageModel, type RenderedPage, themeNames } from "../../core/pages.ts";
import { createPages, type PageRoom, type PagesOptions } from "../pages.ts";
import { toIndexPage } from "./index-page.ts";
import { logLines, type Scene, scenes } from "./scenes.ts";

export interface PreviewOptions extends PagesOptions {
  /** A name, or the absolute path of a folder. */
  readonly theme: string;
  readonly clock: Clock;
  /** Told why the theme cannot be shown, and null once it can, whenever that changes. */
  readonly tell: (problem: string | null) => void;
}

/** Every kind of page of a theme, without any service behind it. */
export interface Preview {
  readonly server: Server;
  close(): void;
}

/** The answer of `/.nodoff/wait` is held as long as nodoff does. */
const longestWaitMs = 20_000;
/** Editors write a file in several steps. */
const settleMs = 80;

/** Throws CONFIG_INVALID when nodoff's own pages cannot be read, and as `fs.watch` does for a folder that is not there. */
export function createPreview(options: PreviewOptions): Preview {
  const { clock, theme } = options;
  const listeners = new Set<ServerResponse>();
  const opened = new Map<string, number>();
  let room = createPages(options);
  let problem: string | null = null;

  const read = (): void => {
    room = createPages(options);
    const before = problem;
    problem = room.use([{ kind: "theme", value: theme }])[0]?.message ?? null;
    if (problem !== before) options.tell(problem);
  };
  let cancel = (): void => undefined;
  const onChange = (): void => {
    cancel();
    cancel = clock.after(settleMs, () => {
      read();
      for (const res of listeners) res.write("data: changed\n\n");
    });
  };
  read();
  const watcher = watch(isAbsolute(theme) ? theme : options.dir, { recursive: true }, onChange);

  const showScene = (scene: Scene, url: URL, req: IncomingMessage, res: ServerResponse): void => {
    const elapsed = clock.now() - (opened.get(scene.name) ?? clock.now());
    const isThere = scene.readyMs !== null && elapsed >= scene.readyMs;
    if (isThere && req.headers["x-nodoff-probe"] === undefined) opened.delete(scene.name);
    if (isThere) return send(res, 200, "text/html", arrived);
    opened.set(scene.name, clock.now());
    const asked = { theme: url.searchParams.get("theme") ?? theme, language: url.searchParams.get("language") };
    const { status, headers, body } = render(room, scene, { ...asked, link: url.pathname + url.search });
    res.writeHead(status, headers).end(inColours(body, url.searchParams.get("colours")));
  };
  const answerChannel = (name: string, scene: Scene, url: URL, res: ServerResponse): void => {
    const elapsed = (): number => clock.now() - (opened.get(scene.name) ?? clock.now());
    const answer = (): void => send(res, 503, "application/json", JSON.stringify(scene.progress(elapsed())));
    if (name === "logs") return send(res, 503, "application/json", JSON.stringify({ lines: logLines }));
    if (name !== "wait" || url.searchParams.get("since") !== scene.progress(elapsed()).state) return answer();
    const untilReady = scene.readyMs === null ? longestWaitMs : scene.readyMs - elapsed() + 20;
    res.once("close", clock.after(Math.min(longestWaitMs, Math.max(0, untilReady)), answer));
  };

  const server = createServer((req, res) => {
    const url = new URL(req.url ?? "/", "http://preview");
    const [, place, name = ""] = url.pathname.split("/");
    const scene = sceneOf(place === "page" ? name : url.searchParams.get("route"));
    if (url.pathname === "/") {
      return send(
        res,
        200,
        "text/html",
        toIndexPage({ theme, problem, languages: room.languages(theme), weight: weigh(room, theme) }),
      );
    }
    if (url.pathname === "/changes") {
      res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" }).write("retry: 500\n\n");
      listeners.add(res);
      return void res.once("close", () => listeners.delete(res));
    }
    if (place === "page" && scene !== undefined) return showScene(scene, url, req, res);
    if (place === ".nodoff" && scene !== undefined) return answerChannel(name, scene, url, res);
    send(res, 404, "text/plain", "not found");
  });
  return {
    server,
    close() {
      cancel();
      watcher.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

const arrived = `<!doctype html><title>Films</title><meta name="color-scheme" content="light dark"><body style="font:16px system-ui;padding:15vh 2em;text-align:center"><p>Here the service would be.</p><p><a href="">Once more</a></p>`;

function sceneOf(name: string | null): Scene | undefined {
  return scenes.find((scene) => scene.name === name);
}

function render(room: PageRoom, scene: Scene, over: Partial<PageModel>): RenderedPage {
  return room.render({ ...blank, ...scene.model, route: scene.name, ...over });
}

/** As a browser that asks for these colours shows it: frames cannot be told to. */
function inColours(body: Uint8Array, colours: string | null): string {
  const text = Buffer.from(body).toString();
  if (colours !== "light" && colours !== "dark") return text;
  return text
    .replaceAll("(prefers-color-scheme: dark)", colours === "dark" ? "all" : "not all")
    .replace('name="color-scheme" content="light dark"', `name="color-scheme" content="${colours}"`);
}

function weigh(room: PageRoom, theme: string): number {
  return Math.max(...scenes.map((scene) => render(room, scene, { theme }).body.byteLength));
}

const blank: PageModel = {
  kind: "loading",
  route: "",
  title: "Films",
  icon: "film",
  theme: themeNames[0],
  state: "starting",
  elapsedMs: null,
  etaMs: null,
  steps: [],
  failure: null,
  nextTryInMs: null,
  retryAfterS: 5,
  showLogs: false,
  link: "/",
  redirectPath: null,
  language: null,
  replayable: true,
};

function send(res: ServerResponse, status: number, type: string, body: string): void {
  if (res.destroyed) return;
  res.writeHead(status, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" }).end(body);
}
