import { describe } from "node:test";
import { createProxmoxProvider } from "../../../../src/providers/proxmox/index.ts";
import { silentLogger } from "../../../support/logger.ts";
import { describeProvider } from "../../../support/provider-conformance.ts";
import type { Kind, Subject } from "../../../support/provider-conformance.ts";
import { openPve } from "../../../support/pve/pve.ts";
import { scaledClock } from "../../../support/pve/scaled-clock.ts";

/** Fast enough for the cluster's rounds of 10 s, slow enough for the suite's own real timeouts. */
const speed = 5;

/** A disposable cluster, whose guests are all of one type. */
async function openSubject(type: "lxc" | "qemu"): Promise<Subject> {
  const clock = scaledClock(speed);
  const pve = await openPve({ clock });
  // With it a crash can be told from somebody's stop.
  for (const who of ["nodoff@pve", pve.token.id]) pve.access.grant(who, "/nodes", ["Sys.Audit"]);
  const provider = createProxmoxProvider({
    name: "pve",
    origins: pve.origins,
    credentials: { kind: "token", ...pve.token },
    trust: { kind: "ca", ca: pve.certificate.cert },
    discover: false,
    clock,
    logger: silentLogger,
  });
  let next = 100;
  const done = (effect: void): Promise<void> => Promise.resolve(effect);
  const idOf = (ref: string): number => Number(ref.split("/")[1]);
  const create = async (options: Parameters<typeof pve.cluster.add>[2]): Promise<string> => {
    const vmid = next++;
    pve.cluster.add(type, vmid, { timings: { qmstartMs: 1500, qmshutdownMs: 3000, vmAgentMs: 1000 }, ...options });
    // Else the provider might see it only once it runs: there would be no change to tell.
    await provider.list({ signal: AbortSignal.timeout(10_000) });
    return `${type === "lxc" ? "lxc" : "vm"}/${vmid}`;
  };
  const kinds: Readonly<Record<Kind, Parameters<typeof create>[0]>> = {
    plain: {},
    stubborn: { ignoresShutdown: true },
    crasher: { crashAfterMs: 12_000 },
    broken: {},
  };
  return {
    provider,
    clock,
    create: (kind) => create({ startLog: ["one", "two", "three"], ...kinds[kind] }),
    outside: {
      start: (ref) => done(pve.byHand("start", idOf(ref))),
      stop: (ref) => done(pve.byHand("stop", idOf(ref))),
      ...(type === "qemu" && {
        pause: (ref: string) => done(pve.byHand("suspend", idOf(ref))),
        resume: (ref: string) => done(pve.byHand("resume", idOf(ref))),
      }),
      delete: (ref) => pve.cluster.remove(idOf(ref)),
    },
    refused: () => create({ template: true }),
    link: { lose: () => pve.lose(), restore: () => pve.restore() },
    async close() {
      await provider.close();
      await pve.close();
    },
  };
}

const skip = {
  "a command that does not exist is BAD_COMMAND":
    "a guest has no command of its own; its failed starts are tested beside",
  "stop kills what ignores the signal, after the timeout":
    "a guest is only killed where its owner says so (stop_method: kill): it may lose data",
};
const noPause = "a container of Proxmox VE cannot be paused";

// Each on a simulator of its own, and mostly waiting for it.
describe("conformance", { concurrency: true }, () => {
  describeProvider("proxmox, LXC", () => openSubject("lxc"), {
    exitCodes: false,
    skip: {
      ...skip,
      "pause freezes and resume thaws, each again is success": noPause,
      "start on a paused one says to resume it": noPause,
      "stop ends a paused one, without telling that it was resumed": noPause,
      "kill ends a paused one": noPause,
    },
  });

  describeProvider("proxmox, QEMU", () => openSubject("qemu"), { exitCodes: false, skip });
});
