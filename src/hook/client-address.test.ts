import { equal } from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { forwardedClient } from "../net/trust.ts";
import { createClientReader } from "./client-address.ts";

it("says what parsing says, of plain addresses and of everything that only looks like one", () => {
  const part = fc.oneof(
    fc.nat({ max: 300 }).map(String),
    fc.constantFrom("", "00", "01", "0", "255", "256", "a", " 1"),
  );
  const address = fc.array(part, { minLength: 3, maxLength: 5 }).map((parts) => parts.join("."));
  const list = fc.oneof(address, fc.ipV4(), fc.ipV6(), fc.array(fc.ipV4(), { maxLength: 3 }).map(String), fc.string());
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 3 }), (sent, hops) => {
      equal(createClientReader(() => hops)(sent), forwardedClient(sent, hops));
    }),
  );
});
