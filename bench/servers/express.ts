/**
 * The same routes and the very same hook code as nodoff, called from an Express route instead of before Express. What
 * differs is Express alone.
 */
import express from "express";
import { createServer } from "node:http";
import { templatesFolder } from "../../src/cli/assets.ts";
import { createWaiterBudget } from "../../src/core/waiter-budget.ts";
import { createGate } from "../../src/engine/gate.ts";
import { createExams } from "../../src/core/exams.ts";
import { createJournal } from "../../src/engine/journal.ts";
import { createRegistry } from "../../src/engine/registry.ts";
import { systemClock } from "../../src/system-clock.ts";
import { createHook } from "../../src/hook/hook.ts";
import { listen } from "../../src/net/listen.ts";
import { addressMatcher, createTrust } from "../../src/net/trust.ts";
import { createPages } from "../../src/pages/pages.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { answerQuestions, cpuUs, settle } from "../ipc.ts";
import { loadGiven } from "./load.ts";

const config = loadGiven(process.argv[2]);
const clock = systemClock;
const logger = createLogger({ level: "error", format: "json", isTerminal: false });
const pages = createPages({ dir: templatesFolder(), brands: null });
const { waitersPerWorkload: perWorkload, waiters: total } = config.limits;
const registry = createRegistry();
registry.replace(config.routes, () => undefined);
const hook = createHook({
  registry,
  gate: createGate({
    clock,
    logger,
    pages,
    budget: createWaiterBudget({ perWorkload, total }),
    matchesAddress: addressMatcher,
    publicUrl: null,
  }),
  journal: createJournal({ clock, logger }),
  pages,
  exams: createExams(clock),
  clock,
  logger,
  isTrusted: createTrust(["loopback"], { containerNetworks: [] }),
  proxyHops: 1,
  unknownHost: "allow",
  publicUrl: null,
  limits: config.limits,
});

const app = express().disable("x-powered-by").disable("etag");
app.get("/auth/traefik", (req, res) => void hook.serve(req, res));
const { port } = await listen(createServer({ keepAliveTimeout: 180_000 }, app), { host: "127.0.0.1", port: 0 });
answerQuestions({ port }, { cpu: cpuUs, settle });
