import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { judgeSockets } from "./idle-pool.ts";
import type { PoolFacts, SeenSocket } from "./idle-pool.ts";

const never = Number.NEGATIVE_INFINITY;
const now = 10_000_000;
const ago = (seconds: number): number => now - seconds * 1_000;

const oldest: SeenSocket = { port: 80, host: "peer", firstSeenAt: ago(3_600), isUnasked: false };
const caddys = { ...oldest, host: "caddy" };

/** Silent, the last counted request an hour ago, behind a proxy that keeps idle connections for 90 s. */
const silent: PoolFacts = {
  now,
  sockets: [oldest],
  isMoving: false,
  movedAt: never,
  silentSince: ago(3_600),
  lookingSince: ago(7_200),
  requestAt: ago(3_600),
  uncountedAt: never,
  poolIdleMs: 90_000,
  staleAfterMs: null,
  caddy: null,
};

const idleCaddy = { busyAt: never, isCaddy: (host: string, port: number) => host === "caddy" && port === 80 };

type Outcome = "idle" | "undecided" | "sure";

function outcomeOf(facts: PoolFacts): Outcome {
  const { inUse, isSure } = judgeSockets(facts);
  if (!inUse) return "idle";
  return isSure ? "sure" : "undecided";
}

const cases: readonly (readonly [name: string, Outcome, Partial<PoolFacts>])[] = [
  ["nothing is open", "idle", { sockets: [] }],
  ["open for longer than any pool keeps it", "sure", {}],
  ["within a pool's idle time since the last request", "undecided", { requestAt: ago(60) }],
  ["a request may have taken a moment", "undecided", { requestAt: ago(94) }],
  ["a pool would have closed it by now", "sure", { requestAt: ago(96) }],
  ["within a pool's idle time since bytes moved", "undecided", { movedAt: ago(60) }],
  ["nobody looked for so long", "undecided", { requestAt: never, lookingSince: ago(60) }],
  ["requests from before nodoff started are not known", "sure", { requestAt: never, lookingSince: ago(96) }],
  ["bytes move", "sure", { requestAt: ago(10), isMoving: true }],
  ["the proxy keeps no pool", "sure", { requestAt: ago(6), poolIdleMs: 0 }],

  [
    "it came without a request",
    "sure",
    { requestAt: ago(60), sockets: [{ port: 80, host: "peer", firstSeenAt: ago(10), isUnasked: true }] },
  ],
  [
    "it came without a request, and may be gone in a moment",
    "undecided",
    { requestAt: ago(60), sockets: [{ port: 80, host: "peer", firstSeenAt: now, isUnasked: true }] },
  ],
  ["it came just now", "undecided", { sockets: [{ port: 80, host: "peer", firstSeenAt: now, isUnasked: true }] }],

  ["requests that do not count keep one alive", "idle", { uncountedAt: ago(30) }],
  ["they keep only one", "sure", { uncountedAt: ago(30), sockets: [oldest, oldest] }],
  ["they are long over", "sure", { uncountedAt: ago(100) }],
  ["they and real ones", "undecided", { uncountedAt: ago(30), requestAt: ago(40) }],
  [
    "they, and one that came without a request",
    "sure",
    { uncountedAt: ago(30), sockets: [oldest, { port: 80, host: "peer", firstSeenAt: ago(60), isUnasked: true }] },
  ],

  ["Caddy's, which carries nothing", "idle", { requestAt: ago(60), sockets: [caddys, caddys], caddy: idleCaddy }],
  ["somebody else's beside Caddy's", "undecided", { requestAt: ago(60), sockets: [caddys, oldest], caddy: idleCaddy }],
  ["Caddy's by its address, older than its pool", "sure", { sockets: [caddys], caddy: idleCaddy }],
  [
    "Caddy's, since a long download through it ended",
    "idle",
    { sockets: [caddys], caddy: { ...idleCaddy, busyAt: ago(60) } },
  ],
  [
    "Caddy's, while the app talks to others",
    "idle",
    { requestAt: ago(60), sockets: [caddys], caddy: idleCaddy, isMoving: true },
  ],
  [
    "Caddy's, kept by requests that do not count",
    "idle",
    { uncountedAt: ago(60), sockets: [caddys, caddys], caddy: idleCaddy },
  ],
  [
    "from Caddy's machine, without a request",
    "sure",
    {
      requestAt: ago(60),
      sockets: [{ port: 80, host: "caddy", firstSeenAt: ago(10), isUnasked: true }],
      caddy: idleCaddy,
    },
  ],

  [
    "from Caddy's machine, to a port that is not Caddy's",
    "undecided",
    { requestAt: ago(60), sockets: [{ ...caddys, port: 22 }], caddy: idleCaddy },
  ],
  [
    "from Caddy's machine, without a request, just now",
    "undecided",
    { requestAt: ago(60), sockets: [{ port: 80, host: "caddy", firstSeenAt: now, isUnasked: true }], caddy: idleCaddy },
  ],

  ["stale", "idle", { staleAfterMs: 1_800_000 }],
  ["not stale yet", "sure", { staleAfterMs: 3_600_000 }],
  [
    "stale, unless it is new",
    "sure",
    { staleAfterMs: 1_800_000, sockets: [oldest, { port: 80, host: "peer", firstSeenAt: ago(60), isUnasked: true }] },
  ],
  ["bytes moved within stale_after", "sure", { staleAfterMs: 1_800_000, silentSince: ago(600) }],
  ["a request came within stale_after", "sure", { staleAfterMs: 1_800_000, requestAt: ago(600) }],
  ["nobody knows whether it is silent", "sure", { staleAfterMs: 1_800_000, silentSince: null }],
];

describe("idle pool", () => {
  for (const [name, outcome, more] of cases) {
    it(`${outcome}: ${name}`, () => assert.equal(outcomeOf({ ...silent, ...more }), outcome));
  }

  it("says how long it may still be a pool", () => {
    assert.equal(
      judgeSockets({ ...silent, requestAt: ago(60), sockets: [oldest, oldest] }).text,
      "2 open connections from peer, silent: perhaps a proxy's idle pool, 35 s more at most",
    );
  });

  it("never says idle of a client that no pool and no monitor can explain", () => {
    const socket = fc.record({
      port: fc.constant(80),
      host: fc.constant("peer"),
      firstSeenAt: fc.nat(7_200).map(ago),
      isUnasked: fc.boolean(),
    });
    const facts = fc.record({
      sockets: fc.array(socket, { minLength: 1, maxLength: 4 }),
      isMoving: fc.boolean(),
      movedAt: fc.nat(7_200).map(ago),
      requestAt: fc.nat(7_200).map(ago),
      uncountedAt: fc.constant(never),
      poolIdleMs: fc.nat(300_000),
    });
    fc.assert(fc.property(facts, (some) => assert.notEqual(outcomeOf({ ...silent, ...some }), "idle")));
  });

  it("is sure of nothing that a pool explains", () => {
    const facts = fc.record({
      sockets: fc.array(
        fc.record({
          port: fc.constant(80),
          host: fc.constant("peer"),
          firstSeenAt: fc.nat(95).map(ago),
          isUnasked: fc.constant(false),
        }),
      ),
      requestAt: fc.nat(94).map(ago),
      uncountedAt: fc.nat(7_200).map(ago),
    });
    fc.assert(fc.property(facts, (some) => assert.notEqual(outcomeOf({ ...silent, ...some }), "sure")));
  });
});
