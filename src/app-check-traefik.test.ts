import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { fakeClock } from "../test/support/fake-clock.ts";
import { fakeProvider } from "../test/support/fake-provider.ts";
import { routeSpec, workloadSpec } from "../test/support/specs.ts";
import { leftOutForTraefik } from "./app-check-traefik.ts";
import { loadConfig } from "./config/load.ts";
import type { Provider } from "./core/provider.ts";

/** What is told of one container with these labels; `address`: one that stays, if it has any. */
async function warningsOf(
  labels: Readonly<Record<string, string>>,
  { address = null, apiUrl = null }: { readonly address?: string | null; readonly apiUrl?: string | null } = {},
): Promise<readonly string[]> {
  const fake = fakeProvider({ clock: fakeClock() });
  fake.add("blog-web", { labels, ports: [2368] });
  const looks = await fake.list({ signal: AbortSignal.timeout(5_000) });
  const lastingAddress = async (_ref: string, { port }: { readonly port: number }) =>
    address === null ? null : { host: address, port };
  const provider: Provider = Object.assign(fake, { lastingAddress });
  const text = apiUrl === null ? "{}" : `signals: { traefik: { api_url: "${apiUrl}" } }`;
  const loaded = loadConfig({ file: "nodoff.yaml", env: {}, readFile: () => text });
  assert.ok(loaded.ok);
  const found = await leftOutForTraefik({
    config: loaded.config,
    workloads: [workloadSpec({ alias: "blog", ref: "blog-web", provider: provider.name })],
    routes: [routeSpec({ alias: "blog", workload: "blog", hosts: ["blog.test"] })],
    seen: [{ provider, looks }],
  });
  return found.map(({ file, key }) => `${file} ${key}`);
}

const rule = { "traefik.http.routers.blog.rule": "Host(`blog.test`)" };
const unknownKey = { "traefik.http.routers.blog.colour": "green" };
const fed = { "nodoff.hand_over": "url" };

it("tells what the document leaves out, where the container says that Traefik reads it", async () => {
  assert.deepEqual(await warningsOf({ ...rule, ...fed }, { address: "blog-web" }), []);
  const told = ["label blog-web traefik.http.routers.blog.colour"];
  assert.deepEqual(await warningsOf({ ...rule, ...unknownKey, ...fed }, { address: "blog-web" }), told);
  assert.equal((await warningsOf({ ...rule, ...fed })).length, 1, "an address that stays is missing");
});

it("is silent where Traefik reads labels by itself, or there is no Traefik", async () => {
  assert.deepEqual(await warningsOf({ ...rule, ...unknownKey }), []);
  assert.deepEqual(await warningsOf(fed), []);
});

it("believes Traefik's API", async () => {
  const routers = JSON.stringify([
    { name: "blog@http", provider: "http", rule: "Host(`blog.test`)", status: "enabled" },
  ]);
  const api = createServer((_request, response) => void response.end(routers));
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  const apiUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const found = await warningsOf({ ...rule, ...unknownKey }, { address: "blog-web", apiUrl });
  api.close();
  api.closeAllConnections();
  assert.deepEqual(found, ["label blog-web traefik.http.routers.blog.colour"]);
});
