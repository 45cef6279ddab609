import { createServer } from "node:http";
import { env } from "node:process";

/**
 * The service `nodoff demo` puts to sleep: a page that takes a while to come up, as real ones do. PORT and BOOT_MS come
 * by environment.
 */
const startedAt = new Date();
const page = (path: string): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>nodoff demo</title>
<style>
  :root { color-scheme: light dark; font: 1.05rem/1.6 system-ui, sans-serif }
  body { max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem }
  code { background: color-mix(in srgb, currentColor 10%, transparent); padding: .1em .35em; border-radius: .3em }
</style>
<h1>Awake.</h1>
<p>This little service was asleep until you asked for it. It has been running since
<time>${startedAt.toLocaleTimeString()}</time>, and you asked for <code>${path.replace(/[&<>]/g, "")}</code>.</p>
<p>Leave it alone for 20 seconds and it goes back to sleep; the terminal tells each step. Then reload this page.</p>
</html>`;

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  response.end(page(request.url ?? "/"));
});
setTimeout(() => server.listen(Number(env["PORT"]), "127.0.0.1"), Number(env["BOOT_MS"]));
