import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { listen } from "../net/listen.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import type { Control } from "./control.ts";
import { createLateControl } from "./late-control.ts";

async function start(t: TestContext, open: () => Promise<Control>) {
  const logger = recordingLogger();
  const control = createLateControl(open, logger);
  const server = createServer(control.serve);
  const { port } = await listen(server, { host: "127.0.0.1", port: 0 });
  t.after(() => server.close());
  return { control, logger, ask: (init?: RequestInit) => fetch(`http://127.0.0.1:${port}/`, init) };
}

/** Answers with what it was sent. */
function echo(closed: string[] = []): Control {
  return { serve: (request, response) => void request.pipe(response), close: () => void closed.push("closed") };
}

describe("control that is opened when somebody asks", () => {
  it("opens once for all who ask meanwhile, and loses nothing they send", async (t) => {
    const opening = Promise.withResolvers<Control>();
    let opened = 0;
    const { ask } = await start(t, () => {
      opened++;
      return opening.promise;
    });
    assert.equal(opened, 0);
    const answers = ["one", "two"].map((body) => ask({ method: "POST", body }));
    opening.resolve(echo());
    const texts = (await Promise.all(answers)).map((answer) => answer.text());
    assert.deepEqual(await Promise.all(texts), ["one", "two"]);
    assert.equal(opened, 1);
  });

  it("says so where it cannot be opened, and tries again for the next one", async (t) => {
    let isThere = false;
    const { ask, logger } = await start(t, () =>
      isThere ? Promise.resolve(echo()) : Promise.reject(new Error("a file is gone")),
    );
    const failed = await ask();
    assert.equal(failed.status, 500);
    assert.equal(((await failed.json()) as { readonly code: string }).code, "INTERNAL");
    assert.equal(logger.lines.length, 1);
    isThere = true;
    assert.equal((await ask()).status, 200);
  });

  it("is closed where it is open, and where it opens after that", async (t) => {
    const closed: string[] = [];
    const early = await start(t, () => Promise.resolve(echo(closed)));
    early.control.close();
    await early.ask();
    assert.deepEqual(closed, ["closed"]);
    const late = await start(t, () => Promise.resolve(echo(closed)));
    await late.ask();
    late.control.close();
    await late.ask();
    assert.deepEqual(closed, ["closed", "closed"]);
  });
});
