import { deepEqual, equal } from "node:assert/strict";
import { createServer, request } from "node:http";
import { it } from "node:test";
import type { IncomingHttpHeaders } from "node:http";
import { listening } from "../../test/support/hook-world.ts";
import { readHeaders } from "./read-headers.ts";
import type { KnownHeader } from "./read-headers.ts";

const names = Object.keys(readHeaders([])) as KnownHeader[];

it("reads what node:http reads, in any spelling, repeated or not, among headers of the same length", async (t) => {
  const seen: { raw: readonly string[]; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((req, res) => {
    seen.push({ raw: req.rawHeaders, headers: req.headers });
    res.end();
  });
  const port = await listening(server);
  t.after(() => server.close());
  const spelt = names.filter((name) => name !== "host" && name !== "upgrade");
  const all = spelt.flatMap((name) => [name.replace(/(^|-)./g, (letter) => letter.toUpperCase()), `value of ${name}`]);
  const headers = [
    "Host",
    "blog.test",
    ...all,
    "Accept-Encoding",
    "gzip",
    "X-Forwarded-Fox",
    "no",
    "x-forwarded-for",
    "b",
  ];
  await new Promise<void>((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, headers: [...headers, "USER-AGENT", "second"], agent: false });
    sent.on("response", (response) => response.resume().on("end", resolve)).on("error", reject);
    sent.end();
  });
  const [{ raw, headers: expected } = { raw: [], headers: {} }] = seen;
  const read = readHeaders(raw);
  for (const name of names) equal(read[name], expected[name], name);
  equal(read["x-forwarded-for"], "value of x-forwarded-for, b");
});

it("knows nothing of what was not sent", () => {
  deepEqual(new Set(Object.values(readHeaders(["Cookie", "a=b", "", ""]))), new Set([undefined]));
});
