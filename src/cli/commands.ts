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
    name: "doctor",
    summary: "ask through the public addresses whether the proxy is wired right",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "snippet",
    summary: "print what the proxy needs for this configuration",
    load: async () => (await import("./snippet.ts")).snippet,
  },
  {
    name: "status",
    summary: "what sleeps, what is awake, and why",
    load: async () => (await import("./status.ts")).status,
  },
  { name: "wake", summary: "wake workloads", load: async () => (await import("./wake.ts")).wake },
  { name: "sleep", summary: "put workloads to sleep now", load: async () => (await import("./sleep.ts")).sleep },
  { name: "pin", summary: "keep workloads awake for a while", load: async () => (await import("./pin.ts")).pin },
  { name: "unpin", summary: "end a pin", load: async () => (await import("./unpin.ts")).unpin },
  { name: "restart", summary: "stop and start workloads", load: async () => (await import("./restart.ts")).restart },
  { name: "logs", summary: "what a workload writes", load: async () => (await import("./logs.ts")).logs },
  {
    name: "health",
    summary: "who is healthy, now and before",
    load: async () => (await import("./health.ts")).health,
  },
  {
    name: "health check",
    summary: "check one route now, or all",
    load: async () => (await import("./health-check.ts")).healthCheck,
  },
  {
    name: "healthcheck",
    summary: "ask a running nodoff whether it is alive",
    load: async () => (await import("./healthcheck.ts")).healthcheck,
  },
  { name: "token", summary: "print the admin token", load: async () => (await import("./token.ts")).token },
  {
    name: "hash-password",
    summary: "make the password_hash of a user",
    load: async () => (await import("./hash-password.ts")).hashPasswordCommand,
  },
  {
    name: "notify test",
    summary: "let a running nodoff send a test notice to each receiver",
    load: async () => (await import("./notify-test.ts")).notifyTest,
  },
  {
    name: "migrate",
    summary: "say in nodoff's labels what those of Sablier, GoDoxy and docker-gateway say",
    load: async () => (await import("./migrate.ts")).migrate,
  },
  {
    name: "theme preview",
    summary: "look at the pages of a theme while you write it",
    load: async () => (await import("./theme-preview.ts")).themePreview,
  },
];
