import { formatListenAddress } from "../net/listen.ts";
import type { CommandOptions, World } from "./world.ts";

/** Addresses that stand for all of this machine's: loopback is one of them. */
const anyAddress: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Where this configuration makes nodoff listen, as a client on the same machine reaches it. */
export async function ownUrl(options: CommandOptions, world: World): Promise<string> {
  // Run every few seconds by container engines: what is not needed is not loaded.
  const { toConfigSource } = await import("./config-source.ts");
  const loaded = toConfigSource(options, world).load();
  const { host, port } = loaded.ok ? loaded.config.listen.hook : { host: null, port: 8090 };
  const reachable = host === null || anyAddress.has(host) ? "127.0.0.1" : host;
  return `http://${formatListenAddress({ host: reachable, port })}`;
}
