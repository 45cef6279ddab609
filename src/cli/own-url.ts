import { formatListenAddress } from "../net/listen.ts";
import { usageFailure } from "./failure.ts";
import type { World } from "./world.ts";

/** Where the running nodoff is said to be, as options and configuration have it. */
export interface UrlOptions {
  readonly config: string | undefined;
  readonly url: string | undefined;
}

/** Addresses that stand for all of this machine's: loopback is one of them. */
const anyAddress: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/**
 * The address of the running nodoff: `--url`, else NODOFF_URL, else where the configuration makes it listen. Ends in "/",
 * so that paths can be joined to it: nodoff may live under a sub-path.
 * @throws CommandFailure for what is no http(s) URL.
 */
export async function toBase(options: UrlOptions, world: World): Promise<URL> {
  const text = options.url ?? (world.env["NODOFF_URL"] || (await ownUrl(options, world)));
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw usageFailure(`"${text}" is not a URL such as http://127.0.0.1:8090`);
  url.search = "";
  url.hash = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** The address as people write it. */
export function showBase({ href }: URL): string {
  return href.replace(/\/$/, "");
}

/** Where this configuration makes nodoff listen, as a client on the same machine reaches it. */
async function ownUrl(options: UrlOptions, world: World): Promise<string> {
  // Run every few seconds by container engines: what is not needed is not loaded.
  const { readConfig } = await import("./config-source.ts");
  const { host, port } = readConfig(options, world)?.listen.hook ?? { host: null, port: 8090 };
  const reachable = host === null || anyAddress.has(host) ? "127.0.0.1" : host;
  return `http://${formatListenAddress({ host: reachable, port })}`;
}
