import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createEventReader } from "./events-reader.js";

const stream =
  'retry: 2000\n\nid: 7\n\n:\n\nid: 8\nevent: wake\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\nid: 9\revent: x\rdata:y\r\r';

describe("server-sent events", () => {
  it("are read with their ids, types and lines", () => {
    assert.deepEqual(createEventReader()(`${stream}\n`), [
      { id: "7", type: "message", data: "" },
      { id: "8", type: "wake", data: '{"a":1}' },
      { id: "8", type: "message", data: "one\ntwo" },
      { id: "9", type: "x", data: "y" },
    ]);
  });

  it("are the same however the stream is cut", () => {
    const whole = createEventReader()(`${stream}\n`);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
        const read = createEventReader();
        const places = [0, ...cuts.toSorted((one, other) => one - other), stream.length + 1];
        const parts = places.slice(1).map((end, place) => `${stream}\n`.slice(places[place], end));
        assert.deepEqual(parts.flatMap(read), whole);
      }),
    );
  });
});
