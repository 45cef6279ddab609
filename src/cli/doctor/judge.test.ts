import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type Asked, type Evidence, forgedClient, type Sighting } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { judge } from "./judge.ts";
import type { Reply } from "./send.ts";

const answer = (over: Partial<Reply & { readonly kind: "answer" }> = {}): Reply => ({
  kind: "answer",
  status: 200,
  headers: {},
  body: "",
  localAddress: "192.0.2.5",
  certificate: null,
  ...over,
});

const sighting = (over: Partial<Sighting> = {}): Sighting => ({
  tag: "r0",
  door: "auth",
  dialect: "caddy",
  outcome: "read",
  header: null,
  peer: "172.20.0.2",
  asked: { method: "GET", host: "blog.test", path: "/", proto: "https", client: "192.0.2.5" },
  forwarded_for: "192.0.2.5",
  families: ["forwarded"],
  named: null,
  route: "blog",
  ...over,
});

const asked = (reply: Reply, ...sightings: readonly Sighting[]): Asked => ({ reply, sightings });
const state = { "x-nodoff-state": "ready" };
const page = asked(answer({ status: 503, headers: state, body: "nodoff-doctor-end-r0" }));
const channel = asked(answer({ headers: state }), sighting({ door: "channel", dialect: null }));

/** All that is wrong with a wiring that is right but for `over`, by its codes. */
function codes(over: Partial<Evidence> = {}): readonly string[] {
  return found(over).flatMap(({ result, code }) => (result === "ok" ? [] : [code]));
}

/** What is said to do about it: words, and the very lines. */
function mends(over: Partial<Evidence>): readonly string[] {
  return found(over).flatMap(({ mend, lines }) => [mend ?? [], lines?.lines ?? []].flat());
}

function found(over: Partial<Evidence>): readonly Finding[] {
  const evidence: Evidence = {
    route: {
      alias: "blog",
      kind: "http",
      hosts: ["blog.test"],
      path: "/",
      workload: "blog",
      excluded: false,
      requests_total: 1,
    },
    url: new URL("https://blog.test/"),
    proxy: null,
    state: "ready",
    failure: null,
    via: null,
    proxyHops: 1,
    insecure: false,
    plain: asked(answer(), sighting()),
    page,
    channel,
    woken: null,
    counted: false,
    ...over,
  };
  return judge(evidence);
}

const client = (forwarded: string, taken: string | null) => {
  const { asked: was } = sighting();
  return { plain: asked(answer(), sighting({ forwarded_for: forwarded, asked: { ...was!, client: taken } })) };
};

describe("what is found", () => {
  it("is nothing where all is right", () => assert.deepEqual(codes(), []));

  it("tells pages that are cut, that have another status, and that do not come", () => {
    const told = (reply: Reply) => codes({ page: asked(reply) });
    assert.deepEqual(told(answer({ status: 503, headers: state, body: "nodoff" })), ["page_cut"]);
    assert.deepEqual(told(answer({ status: 200, headers: state, body: "nodoff-doctor-end-r0" })), ["page_status"]);
    assert.deepEqual(told(answer({ status: 503, body: "sorry" })), ["page_swallowed"]);
    assert.deepEqual(told({ kind: "failed", reason: "timeout", message: "no answer" }), ["page_swallowed"]);
  });

  it("knows how many proxies said who asks", () => {
    assert.deepEqual(codes(client(`${forgedClient}, 192.0.2.5`, "192.0.2.5")), []);
    assert.deepEqual(codes(client(`${forgedClient}, 192.0.2.5, 10.0.0.9`, "10.0.0.9")), ["client_wrong"]);
    assert.deepEqual(codes(client("192.0.2.5, 10.0.0.9", "10.0.0.9")), ["client_wrong"]);
    assert.deepEqual(codes({ ...client("192.0.2.5, 10.0.0.9", "192.0.2.5"), proxyHops: 2 }), []);
    assert.deepEqual(codes(client(forgedClient, forgedClient)), ["client_forged"]);
    assert.deepEqual(codes({ ...client(`${forgedClient}, 192.0.2.5`, forgedClient), proxyHops: 2 }), ["client_forged"]);
    assert.deepEqual(codes(client("", null)), ["client_missing"]);
    assert.deepEqual(codes(client("172.20.0.1", "172.20.0.1")), ["client_unsure"]);
  });

  it("tells a wake that ended at the app from one that failed and one the proxy does not know of", () => {
    const asleep = { state: "napping", plain: asked(answer({ status: 503, headers: state }), sighting()) };
    assert.deepEqual(codes(asleep), ["asleep"]);
    assert.deepEqual(codes({ ...asleep, woken: { kind: "passed", tookMs: 900 } }), []);
    assert.deepEqual(codes({ ...asleep, woken: { kind: "failed", message: "exit 1" } }), ["wake_failed"]);
    assert.deepEqual(codes({ ...asleep, woken: { kind: "stuck", status: 502 } }), ["upstream_away"]);
  });

  it("knows requests that are taken for another route, and those of nodoff's own proxy", () => {
    assert.deepEqual(codes({ plain: asked(answer(), sighting({ route: "wiki", named: "wiki" })) }), ["other_route"]);
    assert.deepEqual(codes({ plain: asked(answer(), sighting({ route: null })) }), ["host_unknown"]);
    const own = (route: string) => asked(answer(), sighting({ door: "proxy", dialect: null, route }));
    assert.deepEqual(codes({ plain: own("blog"), page: null, channel: null }), []);
    assert.deepEqual(codes({ plain: own("wiki"), page: null, channel: null }), ["other_route"]);
  });

  it("takes nginx's own headers at another dialect's address for what they are, and missing ones for missing", () => {
    const unreadable = (over: Partial<Sighting>) =>
      codes({ plain: asked(answer({ status: 500 }), sighting({ outcome: "unreadable", asked: null, ...over })) });
    assert.deepEqual(unreadable({ families: ["original"], header: "X-Forwarded-Method" }), ["wrong_dialect"]);
    assert.deepEqual(unreadable({ families: ["forwarded"], dialect: "nginx", header: "X-Original-URI" }), [
      "wrong_dialect",
    ]);
    assert.deepEqual(unreadable({ header: "X-Forwarded-Uri" }), ["header_missing"]);
  });

  it("knows that the hook was asked where only the mark was lost", () => {
    assert.deepEqual(codes({ plain: asked(answer()), counted: true }), ["mark_lost"]);
    assert.deepEqual(codes({ plain: asked(answer({ status: 503, headers: state })) }), ["mark_lost"]);
    assert.deepEqual(codes({ plain: asked(answer()) }), ["not_called"]);
  });

  it("tells a hook that is down from an app that is asleep and not hooked, as far as the proxy tells them apart", () => {
    const uncalled = (status: number, server: string, over: Partial<Evidence> = {}) =>
      codes({ plain: asked(answer({ status, headers: { server } })), state: "napping", ...over });
    assert.deepEqual(uncalled(500, "nginx"), ["hook_down"]);
    assert.deepEqual(uncalled(502, "nginx"), ["not_called"]);
    assert.deepEqual(uncalled(504, "", { proxy: "traefik" }), ["not_called"]);
    assert.deepEqual(uncalled(502, "Caddy"), ["hook_down"]);
    assert.deepEqual(uncalled(502, "Caddy", { state: "ready" }), ["hook_down"]);
  });

  it("says first what keeps nodoff itself from the app", () => {
    const failed = { state: "error", failure: "not ready within 12 s: http://172.18.0.2:8888: connection refused" };
    const plain = asked(answer({ status: 503, headers: state }), sighting());
    assert.deepEqual(codes({ ...failed, plain }), ["failed", "asleep"]);
    const away = asked({ kind: "failed", reason: "dns", message: "ENOTFOUND" });
    assert.deepEqual(codes({ ...failed, plain: away, via: "traefik" }), ["failed", "dns"]);
    assert.deepEqual(codes({ ...failed, plain, woken: { kind: "passed", tookMs: 900 } }), []);
  });

  it("names what mends it where the proxy is Traefik, and where it leads to https", () => {
    const stopped = asked(answer({ status: 503, body: "no available server\n" }));
    assert.deepEqual(mends({ plain: stopped, state: "napping" }), [
      "traefik.http.routers.blog.middlewares=nodoff@docker",
    ]);
    const unknown = asked(answer({ status: 404, body: "404 page not found\n" }));
    assert.match(
      mends({ plain: unknown }).join("\n"),
      /^or it names a middleware .*\ntraefik\.docker\.allownonrunning=true$/,
    );
    const location = "https://blog.test/";
    const redirect = { plain: asked(answer({ status: 308, headers: { location } })), via: "caddy" };
    assert.deepEqual(mends({ ...redirect, url: new URL("http://blog.test/") }), [
      "ask for the address it leads to: --via https://caddy",
    ]);
  });

  it("takes the app's own 503 for an answer, and the proxy's 502 for none", () => {
    assert.deepEqual(codes({ plain: asked(answer({ status: 503 }), sighting()) }), []);
    assert.deepEqual(codes({ plain: asked(answer({ status: 502 }), sighting()) }), ["upstream_away"]);
  });
});

it("docs/doctor.md explains every code there is", () => {
  const folder = new URL("./", import.meta.url);
  const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const text = sources.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const used = new Set(Array.from(text.matchAll(/\bcode: "(\w+)"/g), ([, code = ""]) => code));
  for (const reason of ["dns", "refused", "timeout", "tls", "cut", "own_proxy"]) used.add(reason);
  const doc = readFileSync(new URL("../../../docs/doctor.md", folder), "utf8");
  const explained = Array.from(doc.matchAll(/^\| `(\w+)` \|/gm), ([, code = ""]) => code);
  assert.deepEqual(explained.toSorted(), [...used].toSorted());
});
