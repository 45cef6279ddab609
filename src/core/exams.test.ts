import assert from "node:assert/strict";
import { it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { createExams, parseExamMark, type Sighting } from "./exams.ts";

const sighting = (tag: string): Sighting => ({
  tag,
  door: "auth",
  dialect: "nginx",
  outcome: "read",
  header: null,
  peer: "127.0.0.1",
  asked: null,
  forwardedFor: null,
  families: [],
  named: null,
  route: null,
});
const nonce = (place: number): string => `nonce-${String(place).padStart(24, "0")}`;

it("notes what comes with an open nonce, for ten minutes", () => {
  const clock = fakeClock();
  const exams = createExams(clock);
  assert.equal(exams.note(nonce(1), sighting("a")), false);
  assert.equal(exams.sightings(nonce(1)), undefined);
  exams.open(nonce(1));
  assert.equal(exams.note(nonce(1), sighting("a")), true);
  assert.deepEqual(
    exams.sightings(nonce(1))?.map(({ tag }) => tag),
    ["a"],
  );
  assert.equal(exams.note(nonce(2), sighting("b")), false);
  clock.advance(600_000);
  assert.equal(exams.note(nonce(1), sighting("c")), false);
  assert.equal(exams.sightings(nonce(1)), undefined);
});

it("keeps few examinations: the oldest gives way", () => {
  const exams = createExams(fakeClock());
  for (let place = 0; place < 21; place++) exams.open(nonce(place));
  assert.equal(exams.sightings(nonce(0)), undefined);
  assert.deepEqual(exams.sightings(nonce(1)), []);
  assert.deepEqual(exams.sightings(nonce(20)), []);
});

it("reads marks, and no other probe for one", () => {
  assert.deepEqual(parseExamMark(`${nonce(1)}.r1`), { nonce: nonce(1), tag: "r1", wantsPage: false });
  assert.deepEqual(parseExamMark(`${nonce(1)}.r1.page`), { nonce: nonce(1), tag: "r1", wantsPage: true });
  for (const other of ["1", "", undefined, "short.r1", nonce(1), `${nonce(1)}.`, `${nonce(1)}.r1.other`, ["x"]])
    assert.equal(parseExamMark(other), null);
});
