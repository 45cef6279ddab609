import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { labelsOfNotes, labelsOfTags } from "./declarations.ts";

describe("labels of tags", () => {
  it("need the tag nodoff to opt in", () => {
    assert.deepEqual(labelsOfTags(["nodoff", "prod"]), { "nodoff.enable": "true" });
    assert.deepEqual(labelsOfTags(["prod", "nodoff2"]), {});
  });

  it("read options, the short names too", () => {
    assert.deepEqual(labelsOfTags(["nodoff", "nodoff-idle-15m", "nodoff-port-8080", "nodoff-stop-suspend"]), {
      "nodoff.enable": "true",
      "nodoff.idle_timeout": "15m",
      "nodoff.port": "8080",
      "nodoff.stop_method": "suspend",
    });
    assert.deepEqual(labelsOfTags(["nodoff-host-my-blog.example.com"]), { "nodoff.host": "my-blog.example.com" });
    assert.deepEqual(labelsOfTags(["nodoff-wake_timeout-3m"]), { "nodoff.wake_timeout": "3m" });
  });
});

describe("labels of notes", () => {
  it("are lines of their own, whatever else people write", () => {
    const notes =
      "# Blog\nAsk Ann.\n- nodoff.host = blog.example.com\n`nodoff.loading.title=My blog`\r\nnodoff.port: 2368\n";
    assert.deepEqual(labelsOfNotes(notes), {
      "nodoff.host": "blog.example.com",
      "nodoff.loading.title": "My blog",
      "nodoff.port": "2368",
    });
    assert.deepEqual(labelsOfNotes("we use nodoff.host=x here"), {});
  });
});
