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
    if (isPlainIpv4(list)) return list;
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

/** Whether it is one IPv4 address as one writes it: most are, and need neither parsing nor remembering. */
function isPlainIpv4(list: string): boolean {
  let dots = 0;
  let digits = 0;
  let value = 0;
  if (list.length > 15) return false;
  for (let at = 0; at < list.length; at++) {
    const code = list.charCodeAt(at);
    if (code === 46) {
      if (digits === 0) return false;
      dots++;
      digits = 0;
      value = 0;
      continue;
    }
    // A leading zero would be octal to some.
    if (code < 48 || code > 57 || (digits > 0 && value === 0)) return false;
    digits++;
    value = value * 10 + code - 48;
    if (value > 255) return false;
  }
  return dots === 3 && digits > 0;
}
