import type { Clock } from "../core/clock.ts";
import { NodoffError } from "../core/errors.ts";
import type { Signal, Subject } from "../core/signal.ts";
import { within } from "./patience.ts";
import { readSafely } from "./reading.ts";

const patienceMs = 5_000;

/** As shells say it: the command is there and cannot be run, or is not there. */
const notRun = new Set([126, 127]);

/** The busy probe that runs a command inside the workload: exit code 0 = busy. */
export function createExecProbeSignal({ clock }: { readonly clock: Clock }): Signal {
  const usedAt = new WeakMap<Subject, number>();
  return {
    name: "probe",
    needs: "exec",
    asks: true,
    covers: ({ spec }) => spec.activity.probe?.kind === "exec" && spec.kind !== "group" && spec.kind !== "compose",
    required: () => false,
    read(subject, { signal: outer }) {
      const { spec, provider } = subject;
      const command = spec.activity.probe?.kind === "exec" ? spec.activity.probe.command : [];
      return readSafely(async () => {
        const { exitCode, output } = await within({ clock, ms: patienceMs, outer }, async (signal) => {
          if (provider.insight?.exec !== undefined) return provider.insight.exec(spec.ref, command, { signal });
          throw new NodoffError("ENGINE_ERROR", `provider ${provider.name} cannot run commands inside`);
        });
        const shown = command.join(" ");
        if (notRun.has(exitCode)) {
          const [line = ""] = output.trim().split("\n");
          return { kind: "unreadable", why: `"${shown}" cannot be run (${exitCode}): ${line.slice(0, 200)}` };
        }
        const inUse = exitCode === 0;
        if (inUse) usedAt.set(subject, clock.now());
        const text = `"${shown}" says ${inUse ? "busy" : "not busy"} (exit code ${exitCode})`;
        return { kind: "read", lastUsedAt: usedAt.get(subject) ?? null, inUse, text };
      }, "let the socket proxy allow POST /containers/{id}/exec and POST /exec/{id}/start");
    },
  };
}
