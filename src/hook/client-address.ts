import { forwardedClient } from "../net/trust.ts";
import type { ToClient } from "./dialect.ts";

/** Parsed answers are kept per header value, since most requests repeat one. Bounded: clients choose the values. */
const memoSize = 512;

/** Reads the client's address, `hops()` trusted proxies away, out of a forwarding header. */
export function createClientReader(hops: () => number): ToClient {
  const memo = new Map<string, string | null>();
  let memoHops = hops();
  return (list) => {
    if (list === undefined) return null;
    if (memoHops !== hops()) {
      memoHops = hops();
      memo.clear();
    }
    const known = memo.get(list);
    if (known !== undefined) return known;
    const client = forwardedClient(list, memoHops);
    if (memo.size >= memoSize) memo.clear();
    memo.set(list, client);
    return client;
  };
}
