import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { classify, compileDoor, counts, mayWake } from "./classify.ts";
import type { Classified, CompiledDoor } from "./classify.ts";
import type { RequestFacts } from "./gate.ts";
import type { DoorSpec } from "./spec.ts";
import { monitorAgents, previewAgents } from "./user-agents.ts";
import { doorSpec } from "../../test/support/specs.ts";

const chrome =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/** Enough for tests: a list of addresses, compared as text. */
const matchesAddress = (cidrs: readonly string[]) => (address: string) => cidrs.includes(address);

function door(changes: Partial<DoorSpec> = {}): CompiledDoor {
  return compileDoor(doorSpec(changes), { matchesAddress });
}

function request(changes: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: "GET",
    host: "blog.example.com",
    path: "/",
    query: "",
    proto: "https",
    client: "203.0.113.9",
    upgrade: false,
    probe: false,
    headers: { "user-agent": chrome },
    ...changes,
  };
}

function withHeaders(headers: RequestFacts["headers"], changes: Partial<RequestFacts> = {}): RequestFacts {
  return request({ ...changes, headers: { "user-agent": chrome, ...headers } });
}

const navigation: Classified = { requestClass: "navigation", counts: true };
const other: Classified = { requestClass: "other", counts: true };
const noWake: Classified = { requestClass: "no_wake", counts: false };

const page = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const navigate = { "sec-fetch-mode": "navigate", "sec-fetch-site": "none", "sec-fetch-dest": "document" };

describe("class and count with the defaults", () => {
  const rows: readonly (readonly [string, RequestFacts, Classified])[] = [
    ["a browser opens an address", withHeaders({ ...page, ...navigate }), navigation],
    ["a browser over plain http, where it sends no Sec-Fetch", withHeaders(page), navigation],
    ["an old browser that wants XHTML", withHeaders({ accept: "application/xhtml+xml;q=1" }), navigation],
    ["Accept in capitals", withHeaders({ accept: "Text/HTML" }), navigation],
    ["a frame", withHeaders({ ...navigate, "sec-fetch-dest": "iframe" }), navigation],
    ["fetch() that asks for html", withHeaders({ ...page, "sec-fetch-mode": "cors" }), other],
    ["Sec-Fetch without a mode", withHeaders({ ...page, "sec-fetch-site": "same-origin" }), other],
    ["html, but not first", withHeaders({ accept: "application/json, text/html" }), other],
    ["a type that only begins like html", withHeaders({ accept: "text/html5" }), other],
    ["jQuery", withHeaders({ ...page, "x-requested-with": "XMLHttpRequest" }), other],
    ["htmx", withHeaders({ ...page, "hx-request": "true" }), other],
    ["a script without Accept", request({ headers: {} }), other],
    ["curl", request({ headers: { "user-agent": "curl/8.5.0", accept: "*/*" } }), other],
    ["a form that is posted", withHeaders({ ...page, ...navigate }, { method: "POST" }), other],
    ["a WebSocket", withHeaders({ ...page, upgrade: "websocket" }, { upgrade: true }), other],
    ["a WebSocket that says navigate", withHeaders(navigate, { upgrade: true }), other],
    ["a preflight", withHeaders({ "sec-fetch-mode": "cors" }, { method: "OPTIONS" }), { ...other, counts: false }],
    ["HEAD of a script", withHeaders(page, { method: "HEAD" }), noWake],
    ["HEAD of a browser", withHeaders({ "sec-fetch-mode": "cors" }, { method: "HEAD" }), other],
    ["HEAD that navigates", withHeaders(navigate, { method: "HEAD" }), navigation],
    ["the loading page's probe", withHeaders({ ...page, ...navigate }, { probe: true }), noWake],
    ["a prefetch", withHeaders({ ...page, ...navigate, "sec-purpose": "prefetch" }), noWake],
    ["a prerender", withHeaders({ ...page, ...navigate, "sec-purpose": "prefetch;prerender" }), noWake],
    ["an older prefetch", withHeaders({ ...page, purpose: "Prefetch" }), noWake],
    ["another purpose", withHeaders({ ...page, ...navigate, purpose: "prefetching" }), navigation],
    ["the favicon", withHeaders({ "sec-fetch-mode": "no-cors" }, { path: "/favicon.ico" }), noWake],
    ["a page about favicons", withHeaders({ ...page, ...navigate }, { path: "/docs/favicon.ico" }), navigation],
    ["robots.txt", request({ path: "/robots.txt" }), noWake],
  ];
  for (const [title, facts, expected] of rows) {
    test(title, () => assert.deepEqual(classify(facts, door()), expected));
  }
});

describe("user agents", () => {
  // As the services document them or as seen in public logs.
  const uninvited = [
    "Uptime-Kuma/1.23.16",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    "Mozilla/5.0 (compatible;PingdomTMS/0.8.5;+https://www.pingdom.com)",
    "StatusCake",
    `${chrome} StatusCake`,
    `Better Uptime Bot ${chrome}`,
    "Better Stack Better Uptime Bot Mozilla/5.0",
    "HetrixTools Uptime Monitoring Bot. https://hetrix.tools/uptime-monitoring-bot.html",
    "Mozilla/5.0 (compatible; Site24x7/1.0; +https://www.site24x7.com/)",
    "Gatus/1.0",
    "kube-probe/1.31",
    "Prometheus/2.53.0",
    "Blackbox Exporter/0.25.0",
    "Mozilla/5.0 (compatible; updown.io daemon 2.4)",
    "check_http/v2.3.3 (nagios-plugins 2.3.3)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "Synapse (bot; +https://github.com/matrix-org/synapse)",
  ];
  for (const agent of uninvited) {
    test(`does not wake: ${agent}`, () => {
      assert.deepEqual(classify(request({ headers: { ...page, "user-agent": agent } }), door()), noWake);
    });
  }

  const welcome = [
    chrome,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Snapchat/12.0",
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/441.0]",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.example/)",
    "Healthchecks.io",
    "Mozilla/5.0 (X11; Linux) NotUptimeRobot/1.0",
    "",
  ];
  for (const agent of welcome) {
    test(`wakes: ${agent || "(empty)"}`, () => {
      assert.deepEqual(classify(request({ headers: { ...page, "user-agent": agent } }), door()), navigation);
    });
  }

  test("every listed name is found, in any case, alone or in brackets", () => {
    for (const agent of [...monitorAgents, ...previewAgents]) {
      for (const text of [agent, agent.toUpperCase(), `Mozilla/5.0 (compatible; ${agent}1.0)`]) {
        const { requestClass } = classify(request({ headers: { "user-agent": text } }), door());
        assert.equal(requestClass, "no_wake", text);
      }
    }
  });

  test("a hostile one costs no more than its length", () => {
    const agent = " (+;compatible; UptimeRobo".repeat(1200);
    const started = performance.now();
    assert.equal(classify(request({ headers: { "user-agent": agent } }), door()).requestClass, "other");
    assert.ok(performance.now() - started < 100);
  });
});

describe("without the defaults", () => {
  const bare = door({ noWakeDefaults: false });
  test("monitors, HEADs and the favicon wake and count", () => {
    assert.deepEqual(classify(request({ headers: { "user-agent": "Uptime-Kuma/1.23.16" } }), bare), other);
    assert.deepEqual(classify(request({ method: "HEAD" }), bare), other);
    assert.deepEqual(classify(request({ path: "/favicon.ico" }), bare), other);
  });

  test("a prefetch is still no navigation, a preflight still not counted, a probe still not held", () => {
    assert.deepEqual(classify(withHeaders({ ...navigate, "sec-purpose": "prefetch" }), bare), other);
    assert.equal(classify(request({ method: "OPTIONS" }), bare).counts, false);
    assert.deepEqual(classify(request({ probe: true }), bare), noWake);
  });
});

describe("own rules", () => {
  test("no_wake adds to the defaults, and what does not wake does not count", () => {
    const own = door({ noWake: [{ path: "/metrics" }, { userAgent: "my-monitor/*" }] });
    assert.deepEqual(classify(request({ path: "/metrics" }), own), noWake);
    assert.deepEqual(classify(request({ headers: { "user-agent": "My-Monitor/2" } }), own), noWake);
    assert.deepEqual(classify(request({ headers: { "user-agent": "Gatus/1.0" } }), own), noWake);
    assert.deepEqual(classify(request({ path: "/metrics/x" }), own), other);
  });

  test("no_count leaves the class alone", () => {
    const own = door({ noCount: [{ path: "/api/poll" }] });
    assert.deepEqual(classify(withHeaders(navigate, { path: "/api/poll" }), own), { ...navigation, counts: false });
  });

  test("every given field must match", () => {
    const own = door({ noWake: [{ path: "/app/*", methods: ["get"], client: ["192.0.2.1"], userAgent: "*bot*" }] });
    const all = request({ path: "/app/x", client: "192.0.2.1", headers: { "user-agent": "a bot" } });
    assert.equal(classify(all, own).requestClass, "no_wake");
    const misses: readonly Partial<RequestFacts>[] = [
      { path: "/app" },
      { method: "POST" },
      { client: "192.0.2.2" },
      { client: null },
      { headers: {} },
    ];
    for (const miss of misses) assert.equal(classify({ ...all, ...miss }, own).requestClass, "other");
  });

  test("a rule without fields matches nothing", () => {
    assert.deepEqual(classify(request(), door({ noWake: [{}] })), other);
  });
});

describe("mayWake", () => {
  test("anybody, unless restricted", () => assert.equal(mayWake(request(), door()), true));

  test("start_endpoint: this path alone, by no other spelling", () => {
    const own = door({ startEndpoint: "/start" });
    assert.equal(mayWake(request({ path: "/start" }), own), true);
    for (const path of ["/", "/start/", "/start/x", "/Start", "/%73tart", "/x/../start", "//start"]) {
      assert.equal(mayWake(request({ path }), own), false, path);
    }
  });

  test("wake_on: any of its rules", () => {
    const own = door({ wakeOn: [{ path: "/app/*", methods: ["GET"] }, { client: ["192.0.2.1"] }] });
    assert.equal(mayWake(request({ path: "/app/x" }), own), true);
    assert.equal(mayWake(request({ client: "192.0.2.1" }), own), true);
    assert.equal(mayWake(request({ path: "/app/x", method: "POST" }), own), false);
    assert.equal(mayWake(request(), own), false);
  });

  test("both given: both must agree", () => {
    const own = door({ startEndpoint: "/start", wakeOn: [{ client: ["192.0.2.1"] }] });
    assert.equal(mayWake(request({ path: "/start" }), own), false);
    assert.equal(mayWake(request({ client: "192.0.2.1" }), own), false);
    assert.equal(mayWake(request({ path: "/start", client: "192.0.2.1" }), own), true);
  });
});

/** What a glob means, by trying every way to split: slow, but obviously right. */
function globMatches(glob: string, text: string): boolean {
  if (glob === "") return text === "";
  if (glob.startsWith("*")) {
    return Array.from({ length: text.length + 1 }, (_, at) => at).some((at) =>
      globMatches(glob.slice(1), text.slice(at)),
    );
  }
  return text.startsWith(glob.slice(0, 1)) && globMatches(glob.slice(1), text.slice(1));
}

describe("globs", () => {
  const text = (...letters: readonly string[]): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((parts) => parts.join(""));

  test("mean what trying every split means", () => {
    fc.assert(
      fc.property(text("a", "b", ".", "*"), text("a", "b", "."), (glob, path) => {
        const own = door({ noWakeDefaults: false, noWake: [{ path: glob }] });
        assert.equal(classify(request({ path }), own).requestClass === "no_wake", globMatches(glob, path));
      }),
      { numRuns: 2000 },
    );
  });

  test("do not backtrack", () => {
    const own = door({ noWake: [{ path: `/${"*a".repeat(30)}*b` }] });
    const started = performance.now();
    assert.equal(classify(request({ path: `/${"a".repeat(16_000)}c` }), own).requestClass, "other");
    assert.ok(performance.now() - started < 100);
  });
});

test("counts agrees with classify for every request", () => {
  const doors = [
    door(),
    door({ noWakeDefaults: false }),
    door({ noWake: [{ path: "/a*" }], noCount: [{ path: "/b*" }, { methods: ["PUT"] }] }),
  ];
  const anyFacts = fc
    .record({
      method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "OPTIONS"),
      path: fc.constantFrom("/", "/a", "/b", "/favicon.ico"),
      probe: fc.boolean(),
      upgrade: fc.boolean(),
      agent: fc.constantFrom(chrome, "Gatus/1.0", "curl/8.5.0"),
      more: fc.constantFrom({}, navigate, page, { purpose: "prefetch" }),
    })
    .map(({ agent, more, ...facts }) => request({ ...facts, headers: { "user-agent": agent, ...more } }));
  fc.assert(
    fc.property(anyFacts, fc.constantFrom(...doors), (facts, asked) => {
      assert.equal(counts(facts, asked), classify(facts, asked).counts);
    }),
  );
});
