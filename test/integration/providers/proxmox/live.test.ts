import { readFileSync } from "node:fs";
import { after } from "node:test";
import { createProxmoxProvider } from "../../../../src/providers/proxmox/index.ts";
import type { ProxmoxProvider, PveTrust } from "../../../../src/providers/proxmox/index.ts";
import { silentLogger } from "../../../support/logger.ts";
import { describeProvider } from "../../../support/provider-conformance.ts";
import type { Subject } from "../../../support/provider-conformance.ts";
import { realClock } from "../../../support/real-clock.ts";

/**
 * The same suite on a real cluster. Opt-in: it starts and stops the guest it is given, hard too.
 * PVE_URL, PVE_TOKEN_ID, PVE_TOKEN_SECRET, PVE_GUEST (`lxc/900`, `vm/901`: disposable, stopped), and PVE_CA_FILE or
 * PVE_FINGERPRINT. The token needs Sys.Audit on /nodes too. Prints how long things took, for the simulator's timings.
 */
const { PVE_URL: url = "", PVE_TOKEN_ID: id = "", PVE_TOKEN_SECRET: secret = "", PVE_GUEST: ref = "" } = process.env;
const missing =
  url === "" || id === "" || secret === "" || ref === "" ? "needs a real cluster (PVE_URL and more)" : false;
const isVm = ref.startsWith("vm/");
const took = new Map<string, number[]>();

function trust(): PveTrust {
  const { PVE_CA_FILE: file, PVE_FINGERPRINT: fingerprint } = process.env;
  if (file !== undefined) return { kind: "ca", ca: readFileSync(file, "utf8") };
  return fingerprint === undefined ? { kind: "system" } : { kind: "fingerprint", fingerprint };
}

function open(): ProxmoxProvider {
  return createProxmoxProvider({
    name: "live",
    origins: [url],
    credentials: { kind: "token", id, secret },
    trust: trust(),
    discover: false,
    clock: realClock,
    logger: silentLogger,
  });
}

async function openLive(): Promise<Subject> {
  const provider = timed(open());
  const other = open();
  const io = () => ({ signal: AbortSignal.timeout(120_000) });
  const hard = () => ({ ...io(), stopSignal: null });
  provider.expect(new Set([ref]));
  const nobody = (): Promise<never> => Promise.reject(new Error("this row is skipped"));
  return {
    provider,
    clock: realClock,
    async create() {
      await provider.kill(ref, hard());
      return ref;
    },
    up: () => Promise.resolve(),
    outside: {
      start: () => other.start(ref, io()),
      stop: () => other.kill(ref, hard()),
      ...(isVm && { pause: () => other.pause(ref, io()), resume: () => other.resume(ref, io()) }),
      delete: nobody,
    },
    refused: nobody,
    link: { lose: nobody, restore: nobody },
    async close() {
      await other.kill(ref, hard());
      await provider.close();
      await other.close();
    },
  };
}

function timed(provider: ProxmoxProvider): ProxmoxProvider {
  const measure =
    <A extends readonly unknown[]>(name: string, run: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      const from = performance.now();
      await run(...args);
      took.set(name, [...(took.get(name) ?? []), Math.round(performance.now() - from)]);
    };
  return {
    ...provider,
    start: measure("start", provider.start),
    stop: measure("stop", provider.stop),
    kill: measure("kill", provider.kill),
    pause: measure("pause", provider.pause),
    resume: measure("resume", provider.resume),
  };
}

const one = "there is one disposable guest, and it is not what this row needs";
const counts = "it counts the changes of a guest that no row before has touched";
const rows = {
  "a look at what never ran": one,
  "starts at the same time are one start": counts,
  "pause freezes and resume thaws, each again is success": counts,
  "stop ends a paused one, without telling that it was resumed": counts,
  "stop kills what ignores the signal, after the timeout": "a guest is only killed where its owner says so",
  "a command that does not exist is BAD_COMMAND": "a guest has no command of its own",
  "an end nobody asked for is told with its code": one,
  "a crash after a stop and a start counts as a crash": one,
  "what others do is told": one,
  "what nodoff must not touch is REFUSED": one,
  "logs are the last lines, oldest first": one,
  "a lost link is told once, and once back a list tells what was missed": one,
};
const noPause = "a container of Proxmox VE cannot be paused";
const pauses = {
  "pause freezes and resume thaws, each again is success": noPause,
  "start on a paused one says to resume it": noPause,
  "stop ends a paused one, without telling that it was resumed": noPause,
  "kill ends a paused one": noPause,
};

describeProvider("proxmox, a real cluster", openLive, {
  missing,
  exitCodes: false,
  skip: { ...rows, ...(isVm ? {} : pauses) },
});
after(() => {
  for (const [name, times] of took) console.log(`# ${name}: ${times.join(", ")} ms`);
});
