import { deepEqual, equal } from "node:assert/strict";
import { once } from "node:events";
import { createServer, IncomingMessage } from "node:http";
import { connect } from "node:net";
import { it } from "node:test";
import type { TestContext } from "node:test";
import * as fc from "fast-check";
import { listening } from "../../test/support/hook-world.ts";
import { HookMessage } from "./hook-message.ts";
import { readHeaders } from "./read-headers.ts";
import type { KnownHeader } from "./read-headers.ts";

const names = Object.keys(readHeaders([])) as KnownHeader[];

/** What a server of hook messages reads of a request, and what node:http would have read of the same. */
async function seenOf(t: TestContext, lines: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const seen = Promise.withResolvers<readonly Record<string, unknown>[]>();
  const server = createServer({ IncomingMessage: HookMessage }, (req, res) => {
    seen.resolve([req.headers, Reflect.get(IncomingMessage.prototype, "headers", req) as Record<string, unknown>]);
    res.end();
  });
  const port = await listening(server);
  t.after(() => server.close());
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  return seen.promise;
}

it("reads what node:http reads, in any spelling, repeated or not, among headers of the same length", async (t) => {
  const spelt = names.filter((name) => name !== "content-length" && name !== "transfer-encoding");
  const capitalised = spelt.map((name) => name.replace(/(^|-)./g, (letter) => letter.toUpperCase()));
  const [ours = {}, nodes = {}] = await seenOf(t, [
    "GET /auth/traefik HTTP/1.1",
    ...capitalised.map((name) => `${name}: ${name === "Expect" ? "100-continue" : `value of ${name}`}`),
    "Accept-Encoding: gzip",
    "X-Forwarded-Fox: no",
    "x-forwarded-for: second",
    "X-FORWARDED-FOR: third",
    "USER-AGENT: second",
  ]);
  for (const name of names) equal(ours[name], nodes[name], name);
  equal(ours["x-forwarded-for"], "value of X-Forwarded-For, second, third");
  equal(ours["accept-encoding"], undefined);
});

it("reads any headers as node:http does", () => {
  const spellings = fc.constantFrom<(name: string) => string>(
    (name) => name,
    (name) => name.toUpperCase(),
    (name) => name.replace(/(^|-)./g, (letter) => letter.toUpperCase()),
  );
  const sent = fc.tuple(fc.constantFrom(...names, "cookie", "x-real-ip", "sec-fetch-user"), spellings, fc.string());
  fc.assert(
    fc.property(fc.array(sent), (headers) => {
      const raw = headers.flatMap(([name, spell, value]) => [spell(name), value]);
      const read = readHeaders(raw);
      const nodes = nodesHeaders(raw);
      for (const name of names) equal(read[name], nodes[name], name);
    }),
  );
});

/** Builds `headers` by node:http itself, as its parser does. */
function nodesHeaders(raw: readonly string[]): Record<string, unknown> {
  const message = Reflect.construct(IncomingMessage, [null]) as IncomingMessage & {
    _addHeaderLines(raw: readonly string[], count: number): void;
  };
  message._addHeaderLines(raw, raw.length);
  return message.headers;
}

it("knows nothing of what was not sent", () => {
  deepEqual(new Set(Object.values(readHeaders(["Cookie", "a=b", "", ""]))), new Set([undefined]));
});

it("leaves every other address its headers", async (t) => {
  const [ours = {}, nodes] = await seenOf(t, ["GET /api/v1/routes HTTP/1.1", "Host: nodoff", "Cookie: a=b"]);
  deepEqual(ours, nodes);
  equal(ours["cookie"], "a=b");
});

it("answers a hook without Host 400, and one that expects 100-continue, as node:http does", async (t) => {
  const server = createServer({ IncomingMessage: HookMessage }, (_req, res) => res.end());
  const port = await listening(server);
  t.after(() => server.close());
  for (const [header, answer] of [
    ["Accept: */*", "HTTP/1.1 400 Bad Request"],
    ["Host: a\r\nExpect: 100-continue", "HTTP/1.1 100 Continue"],
  ] as const) {
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(`GET /auth/traefik HTTP/1.1\r\n${header}\r\n\r\n`);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    equal(chunk.toString("latin1").split("\r\n")[0], answer);
  }
});
