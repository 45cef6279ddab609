import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { cannotCheck, type Check, failed, passed, toFinding, withinTime } from "./check.ts";

/** A port nobody listens on is refused by ICMP (RFC 1122 section 4.1.3.1), on a local network within this time. */
const quietMs = 500;

/**
 * Sends one empty datagram. Few services answer that: silence is a pass, only a refusal is not (so a host that is off
 * is not noticed).
 */
export function createUdpCheck(clock: Clock, { host, port }: { readonly host: string; readonly port: number }): Check {
  return (options) => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return Promise.resolve(cannotCheck("no valid port"));
    return withinTime({ ...options, clock }, (settle) => {
      const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
      let cancel = (): void => undefined;
      socket
        .on("error", (error: NodeJS.ErrnoException) => {
          settle(error.code === "ECONNREFUSED" ? failed("port not open") : toFinding(error));
        })
        .on("message", () => settle(passed("answers")))
        .on("connect", () => {
          socket.send("");
          cancel = clock.after(Math.min(quietMs, options.timeoutMs / 2), () =>
            settle({ ...passed("not refused"), untimed: true }),
          );
        });
      socket.connect(port, host);
      return () => {
        cancel();
        socket.close();
      };
    });
  };
}
