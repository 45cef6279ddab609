import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDockerProvider } from "../../../src/providers/docker/index.ts";
import { createProcessProvider } from "../../../src/providers/process/index.ts";
import { dockerMissing, dockerSocket, openDocker, stubborn, untilTerm } from "../../support/docker.ts";
import { fakeProvider } from "../../support/fake-provider.ts";
import { silentLogger } from "../../support/logger.ts";
import { describeProvider } from "../../support/provider-conformance.ts";
import type { Kind, Subject } from "../../support/provider-conformance.ts";
import { realClock } from "../../support/real-clock.ts";
import { createRelay } from "../../support/relay.ts";

const unique = (kind: Kind): string => `${kind}-${randomBytes(4).toString("hex")}`;
const notHere = (): Promise<never> => Promise.reject(new Error("this row is skipped"));
const done = (effect: void): Promise<void> => Promise.resolve(effect);

async function openFake(): Promise<Subject> {
  const provider = fakeProvider({ clock: realClock });
  const { outside } = provider;
  const crashSoon = (ref: string): void =>
    void setTimeout(() => provider.look(ref)?.power === "running" && outside.crash(ref, 3), 50);
  return {
    provider,
    clock: realClock,
    create(kind) {
      const ref = unique(kind);
      provider.add(ref, {
        logs: ["one", "two", "three"],
        ignoresStop: kind === "stubborn",
        ...(kind === "crasher" && { onStart: () => crashSoon(ref) }),
      });
      return Promise.resolve(ref);
    },
    outside: {
      start: (ref) => done(outside.start(ref)),
      stop: (ref) => done(outside.stop(ref)),
      pause: (ref) => done(outside.pause(ref)),
      resume: (ref) => done(outside.resume(ref)),
      delete: (ref) => done(outside.delete(ref)),
    },
    refused() {
      provider.add("refused", { refusal: "it is nodoff itself" });
      return Promise.resolve("refused");
    },
    link: { lose: () => done(provider.lose()), restore: () => done(provider.back()) },
    close: () => provider.close(),
  };
}

const commands: Readonly<Record<Kind, readonly string[]>> = {
  plain: ["sh", "-c", untilTerm[2].replace("echo one", "echo one; echo two; echo three")],
  stubborn,
  crasher: ["sh", "-c", 'trap "exit 0" TERM; echo one; sleep 0.3 & wait $!; exit 3'],
  broken: ["/no/such/command"],
};

async function openProcess(): Promise<Subject> {
  const provider = createProcessProvider({
    name: "here",
    clock: realClock,
    logger: silentLogger,
    definitions: new Map(),
    env: process.env,
    kill: (pid, signal) => void process.kill(pid, signal),
  });
  return {
    provider,
    clock: realClock,
    create(kind) {
      const ref = unique(kind);
      provider.define(ref, { command: commands[kind], cwd: null, env: {} });
      return Promise.resolve(ref);
    },
    outside: { start: notHere, stop: notHere, pause: notHere, resume: notHere, delete: notHere },
    refused: notHere,
    link: { lose: notHere, restore: notHere },
    close: () => provider.close(),
  };
}

async function openDockerSubject(): Promise<Subject> {
  const fixture = await openDocker("conformance");
  const folder = await mkdtemp(join(tmpdir(), "ndtest-relay-"));
  const relay = await createRelay({ listen: join(folder, "engine.sock"), target: dockerSocket });
  const provider = createDockerProvider({
    name: "local",
    url: relay.url,
    tls: null,
    network: null,
    self: { hostname: "host", mountinfo: "" },
    env: {},
    clock: realClock,
    logger: silentLogger,
  });
  const { container } = fixture;
  return {
    provider,
    clock: realClock,
    create: (kind) => fixture.create(unique(kind), { cmd: commands[kind] }),
    outside: {
      start: (ref) => container(ref).start(),
      stop: (ref) => container(ref).stop({ t: 5 }),
      pause: (ref) => container(ref).pause(),
      resume: (ref) => container(ref).unpause(),
      delete: (ref) => container(ref).remove(),
    },
    async refused() {
      const ref = await fixture.create("refused", { host: { AutoRemove: true } });
      await container(ref).start();
      return ref;
    },
    link: { lose: () => relay.down(), restore: () => relay.up() },
    async close() {
      await provider.close();
      await relay.close();
      await fixture.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describeProvider("fake", openFake, {
  skip: {
    "a command that does not exist is BAD_COMMAND": "the fake runs no commands: tests script such failures",
  },
});

describeProvider("process", openProcess, {
  skip: {
    "what others do is told": "nobody else starts or removes our children; their signals look like crashes",
    "what nodoff must not touch is REFUSED": "every process is nodoff's own child",
    "a lost link is told once, and once back a list tells what was missed": "there is no link to lose",
  },
});

describeProvider("docker", openDockerSubject, { missing: await dockerMissing() });
