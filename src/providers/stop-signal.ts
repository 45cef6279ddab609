import { constants } from "node:os";

/** The kernel's first real-time signal that programs may use. */
const firstRealTime = 34;

/** The number of a signal as engines and people write it: `SIGTERM`, `term`, `15`, `SIGRTMIN+3`; undefined if none. */
export function signalNumber(text: string): number | undefined {
  const name = text.trim().toUpperCase();
  if (/^\d+$/.test(name)) return Number(name);
  const realTime = /^(?:SIG)?RTMIN(?:\+(\d+))?$/.exec(name);
  if (realTime !== null) return firstRealTime + Number(realTime[1] ?? 0);
  const full = name.startsWith("SIG") ? name : `SIG${name}`;
  return (constants.signals as Readonly<Record<string, number>>)[full];
}

const ending: ReadonlySet<number> = new Set([
  constants.signals.SIGTERM,
  constants.signals.SIGKILL,
  constants.signals.SIGINT,
  constants.signals.SIGQUIT,
]);

/** Whether this signal asks a container to end: one of the usual four, or its own StopSignal. */
export function asksToEnd(signal: string, stopSignal: string | undefined): boolean {
  const number = signalNumber(signal);
  if (number === undefined) return false;
  return ending.has(number) || (stopSignal !== undefined && signalNumber(stopSignal) === number);
}
