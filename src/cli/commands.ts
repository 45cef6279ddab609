import type { CommandRow } from "./command.ts";

/** Every command, in the order of help texts. A new one is a file that exports what `defineCommand` gives, and a row here. */
export const commands: readonly CommandRow[] = [
  { name: "serve", summary: "run (the default)", load: async () => (await import("./serve.ts")).serve },
  {
    name: "demo",
    summary: "show the whole job with a small web app, without any engine",
    load: async () => (await import("./demo.ts")).demo,
  },
  {
    name: "check",
    summary: "validate the configuration; print routes, workloads and activity signals",
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "healthcheck",
    summary: "ask a running nodoff whether it is alive",
    load: async () => (await import("./healthcheck.ts")).healthcheck,
  },
  {
    name: "notify test",
    summary: "let a running nodoff send a test notice to each receiver",
    load: async () => (await import("./notify-test.ts")).notifyTest,
  },
];
