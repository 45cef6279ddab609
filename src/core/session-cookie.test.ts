import assert from "node:assert/strict";
import { it } from "node:test";
import { withoutSession } from "./session-cookie.ts";

it("takes the session out of cookies and leaves all others as they are", () => {
  const rows = [
    ["a=1; b=2", "a=1; b=2"],
    ["nodoff_session=x", null],
    ["nodoff_session=x; a=1", "a=1"],
    ["a=1; nodoff_session=x; b=2", "a=1; b=2"],
    ["a=nodoff_session; xnodoff_session=1", "a=nodoff_session; xnodoff_session=1"],
    ["a=1;nodoff_session=x;nodoff_session=y", "a=1"],
    [' nodoff_session = x ;a="q;"', 'a="q;"'],
    ["", ""],
  ] as const;
  for (const [sent, left] of rows) assert.equal(withoutSession(sent), left, sent);
});
