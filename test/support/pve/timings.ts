/**
 * How long things take in the simulated cluster, in virtual ms. `known` was read in Proxmox VE's own sources;
 * everything under `assumed` is common experience, never measured: recalibrate it on a real host (the opt-in live suite
 * prints what it saw).
 */
export const known = {
  /** Before each 401. */
  authDelayMs: 3_000,
  ticketLifeMs: 7_200_000,
  /** pvestatd tells the cluster what runs. */
  statdMs: 10_000,
  /** So long the last word of a dead node is believed. */
  statdLifeMs: 300_000,
  /** The HA manager's two loops. */
  crmMs: 10_000,
  lrmMs: 10_000,
  /** A second task of a guest waits so long for the first. */
  lockWaitMs: 10_000,
  /** A node that does not answer another one. */
  peerTimeoutMs: 30_000,
  /** Whether an agent answers. */
  agentPingMs: 3_000,
  defaultShutdownMs: 60_000,
} as const;

export const assumed = {
  postMs: 40,
  currentMs: 15,
  resourcesMs: 25,
  vzstartMs: 1_500,
  /** Part of `vzstart` after which the command socket is there: it says running, and has not booted. */
  vzRunningAt: 0.4,
  /** After the start's end. */
  lxcAddressMs: 1_000,
  lxcServiceMs: 1_500,
  vzshutdownMs: 3_000,
  vzstopMs: 500,
  qmstartMs: 2_000,
  vmAgentMs: 15_000,
  vmServiceMs: 20_000,
  qmshutdownMs: 8_000,
  qmstopMs: 800,
  qmpauseMs: 300,
  qmresumeMs: 300,
  qmsuspendMs: 8_000,
  haTaskMs: 300,
  migrateMs: 4_000,
} as const;
