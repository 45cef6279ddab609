import { isProbe } from "../core/gate.ts";
import { isHostForm } from "../net/host-form.ts";
import type { Dialect } from "./dialect.ts";
import { headerOf, isToken, splitTarget, toProto } from "./dialect.ts";

/** nginx's `auth_request` as the kit sets it up; the kit's `proxy_read_timeout` is 30 s. */
export const nginx: Dialect = {
  name: "nginx",
  maxHoldMs: 25_000,
  hidesReplies: true,
  read(req, toClient) {
    const { headers } = req;
    const host = headerOf(headers, "host");
    if (host === undefined || !isHostForm(host)) return { header: "Host" };
    const target = headerOf(headers, "x-original-uri");
    if (target === undefined) return { header: "X-Original-URI" };
    const method = headerOf(headers, "x-original-method");
    if (method === undefined || !isToken(method)) return { header: "X-Original-Method" };
    const { path, query } = splitTarget(target);
    return {
      method,
      host,
      path,
      query,
      proto: toProto(headerOf(headers, "x-original-proto")),
      client: toClient(headerOf(headers, "x-original-addr")),
      upgrade: headerOf(headers, "x-original-upgrade") !== undefined,
      probe: isProbe(headers["x-nodoff-probe"]),
      headers,
    };
  },
};
