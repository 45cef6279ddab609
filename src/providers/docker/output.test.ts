import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { createFrameReader, createTextReader } from "./output.ts";

const frame = (kind: number, text: string): Buffer => {
  const body = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
};

describe("engine output", () => {
  it("is demultiplexed however the bytes are cut, half characters included", () => {
    const bytes = Buffer.concat([frame(1, "grün\nhal"), frame(2, "Fehler\n"), frame(1, "b\nlast"), frame(1, "")]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 })), (cuts) => {
        const lines: string[] = [];
        const reader = createFrameReader((line) => void lines.push(line));
        let at = 0;
        for (const cut of cuts) {
          reader.write(bytes.subarray(at, at + cut));
          at += cut;
        }
        reader.write(bytes.subarray(at));
        reader.end();
        assert.deepEqual(lines, ["grün", "Fehler", "halb", "last"]);
      }),
    );
  });

  it("has bounded lines", () => {
    const lines: string[] = [];
    const reader = createTextReader((line) => void lines.push(line));
    for (let index = 0; index < 100; index++) reader.write(Buffer.alloc(1_000, "x"));
    reader.write(Buffer.from("\nnext\n"));
    reader.end();
    assert.deepEqual([lines[0]?.length, lines[1], lines.length], [4_096, "next", 2]);
  });
});
