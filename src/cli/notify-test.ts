import { request } from "undici";
import { toConfigSource } from "./config-source.ts";
import { ownUrl } from "./own-url.ts";
import { type CommandOptions, type ExitCode, exitCodes, type World } from "./world.ts";

/** What the API answers (docs/api.md). */
interface Answer {
  readonly results: readonly { readonly sender: string; readonly type: string; readonly error: string | null }[];
}

/** Longer than nodoff waits for a receiver. */
const timeoutMs = 15_000;

/** Lets a running nodoff send a test notice to each receiver, and says who took it. */
export async function notifyTest(options: CommandOptions, world: World): Promise<ExitCode> {
  const base = options.url ?? world.env["NODOFF_URL"] ?? (await ownUrl(options, world));
  const token = options.token ?? world.env["NODOFF_TOKEN"] ?? configuredToken(options, world);
  const url = URL.parse("/api/v1/notify/test", base);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    world.err(`nodoff: "${base}" is not a URL such as http://127.0.0.1:8090`);
    return exitCodes.usage;
  }
  let reply;
  try {
    reply = await post(url, token);
  } catch (error) {
    world.err(`not reachable at ${base}: ${error instanceof Error ? error.message : String(error)}`);
    return exitCodes.notReachable;
  }
  if (reply.status !== 200) {
    const hint = reply.status === 401 ? ": give the admin token by --token or NODOFF_TOKEN" : "";
    world.err(`nodoff answered ${reply.status}${hint}`);
    return exitCodes.failed;
  }
  return tell(JSON.parse(reply.text) as Answer, options, world);
}

function tell({ results }: Answer, { json }: CommandOptions, world: World): ExitCode {
  if (json) world.out(JSON.stringify({ results }, null, 2));
  else if (results.length === 0) world.err("nobody is to be told: there is nothing under notify");
  else for (const { sender, type, error } of results) world.out(`${sender} (${type}): ${error ?? "sent"}`);
  const isDone = results.length > 0 && results.every(({ error }) => error === null);
  return isDone ? exitCodes.done : exitCodes.failed;
}

function configuredToken(options: CommandOptions, world: World): string | null {
  const loaded = toConfigSource(options, world).load();
  return loaded.ok ? loaded.config.admin.token : null;
}

async function post(url: URL, token: string | null): Promise<{ readonly status: number; readonly text: string }> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  const { statusCode, body } = await request(url, { method: "POST", headers, ...limits });
  return { status: statusCode, text: await body.text() };
}
