import assert from "node:assert/strict";
import { it } from "node:test";
import { recordWatch } from "../../../support/observer.ts";
import { openStage } from "../../../support/pve/stage.ts";

it("500 guests on 3 nodes, 30 of them ours: at most 1 request per second to each node while all is quiet", async (t) => {
  const nodes = ["pve1", "pve2", "pve3"];
  const { pve, provider, until, drive, pass, io } = await openStage(t, { nodes, stepMs: 50 });
  for (let at = 0; at < 500; at++) {
    const type = at % 3 === 0 ? "qemu" : "lxc";
    // Every other one runs; some of the VMs do nothing at all, so that they might be paused.
    const busy =
      at % 2 === 0 ? { power: "running", load: at % 4 === 0 ? 0.01 : 0, traffic: at % 4 === 0 ? 50 : 0 } : {};
    pve.cluster.add(type, 100 + at, { node: nodes[Math.floor(at / 7) % 3]!, ...(busy as object) });
  }
  const refs = Array.from({ length: 30 }, (_, at) => `${at % 3 === 0 ? "vm" : "lxc"}/${100 + at}`);
  provider.expect(new Set(refs));
  const watch = recordWatch(provider);
  await until("a list", () => watch.looks.length === 500);
  const connected = pve.journal.length;
  await pass(60_000);
  const rates = (from: number, seconds: number): string => {
    const calls = pve.journal.slice(from);
    const of = (node: string): number =>
      calls.filter((each) => each.node === node || (each.node === "" && node === "pve1")).length;
    return nodes.map((node) => `${node} ${(of(node) / seconds).toFixed(3)}/s`).join(", ");
  };
  const quietFrom = pve.journal.length;
  const seconds = 600;
  await pass(seconds * 1000);
  const quiet = rates(quietFrom, seconds);
  const busyFrom = pve.journal.length;
  const sleepers = refs.filter((_, at) => at % 2 === 1).slice(0, 10);
  await drive(Promise.all(sleepers.map((ref) => provider.start(ref, io))));
  const wakes = pve.journal.length - busyFrom;
  t.diagnostic(`connecting: ${connected} requests`);
  t.diagnostic(`quiet, over ${seconds} s: ${quiet}`);
  t.diagnostic(`10 wakes at once: ${wakes} requests`);
  for (const rate of quiet.matchAll(/([\d.]+)\/s/g)) assert.ok(Number(rate[1]) <= 1, quiet);
  assert.ok(connected <= 10, `${connected} requests to connect`);
  await drive(watch.close());
});
