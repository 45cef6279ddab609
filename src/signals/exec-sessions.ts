import type { Clock } from "../core/clock.ts";
import type { Signal, Subject } from "../core/signal.ts";
import { within } from "./patience.ts";
import { counted, readSafely } from "./reading.ts";

const patienceMs = 5_000;
const shownCommands = 3;

/** Commands somebody runs inside it: a shell, a backup, a migration. */
export function createExecSessionsSignal({ clock }: { readonly clock: Clock }): Signal {
  const usedAt = new WeakMap<Subject, number>();
  return {
    name: "exec_sessions",
    needs: "exec (read)",
    asks: true,
    covers: ({ spec, provider }) =>
      spec.activity.execSessions &&
      spec.kind !== "group" &&
      spec.kind !== "compose" &&
      provider.insight?.sessions !== undefined,
    required: () => false,
    read(subject, { signal: outer }) {
      const { spec, provider } = subject;
      return readSafely(async () => {
        const commands = await within(
          { clock, ms: patienceMs, outer },
          async (signal) => provider.insight?.sessions?.(spec.ref, { signal }) ?? [],
        );
        const inUse = commands.length > 0;
        if (inUse) usedAt.set(subject, clock.now());
        return { kind: "read", lastUsedAt: usedAt.get(subject) ?? null, inUse, text: toText(commands) };
      }, "let the socket proxy allow GET /exec/{id}/json");
    },
  };
}

function toText(commands: readonly string[]): string {
  if (commands.length === 0) return "no command runs inside";
  const more = commands.length > shownCommands ? ", …" : "";
  const verb = commands.length === 1 ? "runs" : "run";
  return `${counted(commands.length, "command")} ${verb} inside: ${commands.slice(0, shownCommands).join(", ")}${more}`;
}
