import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock, settle } from "../../../test/support/fake-clock.ts";
import { systemClock } from "../../system-clock.ts";
import { createPreview } from "./preview.ts";
import { scenes } from "./scenes.ts";

const dir = join(import.meta.dirname, "../../../templates");

async function open(t: TestContext, theme: string, clock = systemClock) {
  const told: (string | null)[] = [];
  const preview = createPreview({ dir, brands: null, theme, clock, tell: (problem) => told.push(problem) });
  t.after(() => preview.close());
  preview.server.listen(0, "127.0.0.1");
  await once(preview.server, "listening");
  const { port } = preview.server.address() as AddressInfo;
  return { told, ask: (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init) };
}

async function ownTheme(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nodoff-preview-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "style.css"), "h1 { color: red }");
  return folder;
}

describe("the preview of a theme", () => {
  it("lists and shows every kind of page, in each language", async (t) => {
    const { ask } = await open(t, "minimal");
    const index = await (await ask("/")).text();
    for (const { name } of scenes) {
      assert.ok(index.includes(`href="/page/${name}"`), name);
      const answer = await ask(`/page/${name}?language=de`);
      assert.equal(answer.headers.get("content-language"), "de");
      assert.match(await answer.text(), /<html lang="de"/);
      const channel = (await (await ask(`/.nodoff/steps?route=${name}`)).json()) as { readonly state: string };
      assert.equal(typeof channel.state, "string");
    }
    assert.deepEqual([(await ask("/page/none")).status, (await ask("/.nodoff/wait?route=none")).status], [404, 404]);
  });

  it("goes through a whole wake to the service, and through another one then", async (t) => {
    const clock = fakeClock();
    const { ask } = await open(t, "default", clock);
    const stateOf = async () => ((await (await ask("/.nodoff/steps?route=wake")).json()) as { state: string }).state;
    assert.equal((await ask("/page/wake")).status, 503);
    assert.equal(await stateOf(), "starting");
    const waits = ask("/.nodoff/wait?route=wake&since=starting");
    while (clock.pending === 0) await settle();
    clock.advance(8_100);
    assert.equal(((await (await waits).json()) as { state: string }).state, "ready");
    const probe = await ask("/page/wake", { headers: { "x-nodoff-probe": "1" } });
    assert.deepEqual([probe.status, probe.headers.get("x-nodoff-state")], [200, null]);
    assert.equal((await ask("/page/wake")).status, 200);
    assert.equal((await ask("/page/wake")).status, 503);
  });

  it("shows a theme in the colours asked for", async (t) => {
    const { ask } = await open(t, "default");
    const show = async (colours: string) => (await ask(`/page/failed?colours=${colours}`)).text();
    assert.match(await show("dark"), /@media all \{/);
    assert.match(await show("light"), /@media not all \{/);
    assert.match(await show(""), /@media \(prefers-color-scheme: dark\) \{/);
  });

  it("tells of each change, and what is wrong and right again with it", async (t) => {
    const folder = await ownTheme(t);
    const { ask, told } = await open(t, folder);
    const changes = (await ask("/changes")).body?.pipeThrough(new TextDecoderStream()).getReader();
    const changed = async (): Promise<void> => {
      for (let text = ""; !text.includes("data: changed");) text = (await changes?.read())?.value ?? "data: changed";
    };
    assert.match(await (await ask("/page/failed")).text(), /color: red/);
    await writeFile(join(folder, "style.css"), "h1 { color: blue }");
    await changed();
    assert.match(await (await ask("/page/failed")).text(), /color: blue/);
    await writeFile(join(folder, "page.html"), "{{oops}}");
    await changed();
    assert.match(told[0] ?? "", /page\.html has no/);
    assert.match(await (await ask("/")).text(), /role="alert">the theme cannot be used/);
    assert.match(await (await ask("/page/failed")).text(), /<h1 data-nodoff="heading">/);
    await rm(join(folder, "page.html"));
    await changed();
    assert.deepEqual(told.slice(1), [null]);
  });
});
