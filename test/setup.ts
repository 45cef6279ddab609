/**
 * Run first by `npm test`: installs and starts what the integration and end-to-end tests need. Debian and its relatives,
 * as root. With nothing to do it only looks, and loads nothing but Node's own modules.
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

interface Need {
  /** Any of these names will do. */
  readonly programs: readonly string[];
  readonly package: string;
  /** It must run where there are no libraries: inside an image of its own. */
  readonly static?: boolean;
}

const needs: readonly Need[] = [
  { programs: ["dockerd"], package: "docker.io" },
  { programs: ["iptables"], package: "iptables" },
  { programs: ["busybox"], package: "busybox-static", static: true },
  { programs: ["nginx"], package: "nginx" },
  { programs: ["redis-server"], package: "redis-server" },
  { programs: ["redis-cli"], package: "redis-tools" },
  { programs: ["dnsmasq"], package: "dnsmasq-base" },
  { programs: ["caddy"], package: "caddy" },
  { programs: ["promtool"], package: "prometheus" },
  { programs: ["haproxy"], package: "haproxy" },
  { programs: ["systemd-analyze"], package: "systemd" },
  { programs: ["chromium", "chromium-browser", "google-chrome"], package: "chromium" },
];

const socketPath = "/var/run/docker.sock";
const policy = "/usr/sbin/policy-rc.d";
const dockerdPatienceMs = 60_000;

function find(program: string): string | undefined {
  const places = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"];
  return places
    .map((place) => join(place, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function isMet(need: Need): boolean {
  const path = need.programs.map(find).find((found) => found !== undefined);
  if (path === undefined || need.static !== true) return path !== undefined;
  // ldd fails on a program that links to nothing.
  return spawnSync("ldd", [path], { stdio: "ignore" }).status !== 0;
}

function missingPackages(): readonly string[] {
  return needs.filter((need) => !isMet(need)).map((need) => need.package);
}

function fail(...lines: readonly string[]): never {
  for (const line of lines) console.error(`setup: ${line}`);
  console.error("setup: the unit tests need none of this: npm run test:unit");
  process.exit(1);
}

/** Runs it on this terminal. Returns what went wrong, or nothing. */
function run(command: string, args: readonly string[]): string | undefined {
  console.log(`setup: ${command} ${args.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, error } = spawnSync(command, args, { env, stdio: "inherit" });
  return error === undefined && status === 0 ? undefined : `${command} failed: ${error?.message ?? `exit ${status}`}`;
}

function install(packages: readonly string[]): void {
  // nginx, caddy and redis must not start as services on their usual ports: the tests run their own, on free ports.
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const failure =
    run("apt-get", ["update", "-q"]) ?? run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...packages]);
  if (ours) rmSync(policy);
  if (failure !== undefined) fail(failure);
}

/** Whether an engine answers where dockerode will look for it. */
function engineAnswers(): Promise<boolean> {
  const host = process.env["DOCKER_HOST"];
  const target =
    host === undefined || host.startsWith("unix:") ? { socketPath: host?.slice(7) || socketPath } : toTcp(host);
  return new Promise((resolve) => {
    const asked = request({ ...target, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
    asked.end();
  });
}

function toTcp(host: string): { readonly host: string; readonly port: string } {
  const { hostname, port } = new URL(host.replace(/^tcp:/, "http:"));
  return { host: hostname, port };
}

/** Starts dockerd apart from this process, and leaves it running for the tests after it. */
async function startEngine(): Promise<void> {
  const log = join(mkdtempSync(join(tmpdir(), "nodoff-dockerd-")), "dockerd.log");
  const output = openSync(log, "a");
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  const child = spawn("dockerd", [], { env, detached: true, stdio: ["ignore", output, output] });
  child.unref();
  const state = { ended: false };
  child.once("error", () => (state.ended = true));
  child.once("exit", () => (state.ended = true));
  const deadline = performance.now() + dockerdPatienceMs;
  while (!(await engineAnswers())) {
    if (state.ended || performance.now() > deadline) {
      const lines = readFileSync(log, "utf8").trim().split("\n");
      // A panic ends in a long stack; what matters stands above it.
      const telling = lines.filter((line) => /level=(error|fatal)|^panic|^failed/.test(line));
      fail(`dockerd does not answer; its log is ${log}:`, ...(telling.length > 0 ? telling : lines).slice(-10));
    }
    await delay(100);
  }
  console.log(`setup: started dockerd, pid ${child.pid}, log ${log}; it stays`);
}

const isRoot = process.getuid?.() === 0;
const missing = missingPackages();
if (missing.length > 0) {
  if (!isRoot) fail(`not installed: ${missing.join(", ")}`, `as root: apt-get install ${missing.join(" ")}`);
  if (find("apt-get") === undefined) fail(`not installed: ${missing.join(", ")}; no apt-get here to do it`);
  install(missing);
  const still = missingPackages();
  if (still.length > 0) fail(`installed, and still not found: ${still.join(", ")}`);
}
if (!(await engineAnswers())) {
  const host = process.env["DOCKER_HOST"];
  if (host !== undefined) fail(`no Docker engine answers at DOCKER_HOST=${host}`);
  if (!isRoot) fail("no Docker engine answers, or you may not open its socket; starting one needs root");
  await startEngine();
}
console.log("setup: everything is there");
