import type Docker from "dockerode";
import { type ContainerOptions, type DockerFixture, openDocker } from "../docker.ts";
import type { AtEnd } from "./ends.ts";

/** A container of these tests: busybox, created and never started. */
export interface Box {
  readonly name: string;
  readonly container: Docker.Container;
  running(): Promise<boolean>;
  /** Wall clock ms of its last start; NaN = never. */
  startedAt(): Promise<number>;
  /** Wall clock ms of its last end. */
  finishedAt(): Promise<number>;
  /** Resolves when it ends. It has to run. */
  end(): Promise<void>;
  remove(): Promise<void>;
}

export interface Boxes {
  readonly docker: Docker;
  /** Random; begins every name. */
  readonly prefix: string;
  create(name: string, options?: ContainerOptions): Promise<Box>;
}

/** The engine for one test file: what is created on it is removed at the end. */
export async function openBoxes(atEnd: AtEnd): Promise<Boxes> {
  const fixture = await openDocker("failures");
  atEnd(() => fixture.close());
  return {
    docker: fixture.docker,
    prefix: fixture.prefix,
    create: async (name, options) => toBox(fixture, await fixture.create(name, options)),
  };
}

function toBox({ docker }: DockerFixture, name: string): Box {
  const container = docker.getContainer(name);
  const state = async (): Promise<Docker.ContainerInspectInfo["State"]> => (await container.inspect()).State;
  return {
    name,
    container,
    running: async () => (await state()).Running,
    startedAt: async () => toTime((await state()).StartedAt),
    finishedAt: async () => toTime((await state()).FinishedAt),
    end: async () => void (await container.wait()),
    remove: () => container.remove({ force: true }) as Promise<void>,
  };
}

/** The engine's "never" is the year 1. */
function toTime(text: string): number {
  const time = Date.parse(text);
  return time > 0 ? time : Number.NaN;
}

export interface WebOptions {
  /** Seconds from its start until it listens; `never` = it never does. */
  readonly listensAfter?: number | "never";
  /** Answers 401 to everything. */
  readonly login?: boolean;
}

/** A web app on port 80: says `hello` on `/`, takes 3 s for `/cgi-bin/slow`, ends at once on SIGTERM. */
export function web({ listensAfter = 0, login = false }: WebOptions = {}): readonly string[] {
  const wait = listensAfter === "never" ? "while :; do sleep 30 & wait $!; done" : `sleep ${listensAfter} & wait $!`;
  const script = [
    'trap "exit 0" TERM',
    wait,
    "echo hello >/tmp/index.html",
    "busybox mkdir /tmp/cgi-bin",
    `printf '%s\\n' '#!/bin/sh' 'printf "Content-type: text/plain\\r\\n\\r\\nbegin\\n"; sleep 3; echo end' >/tmp/cgi-bin/slow`,
    "busybox chmod +x /tmp/cgi-bin/slow",
    `echo "${login ? "/:admin:secret" : "# nothing"}" >/tmp/httpd.conf`,
    "httpd -f -p 80 -h /tmp -c /tmp/httpd.conf & wait $!",
  ];
  return ["sh", "-c", script.join("; ")];
}

/** Ends by itself `seconds` after its start, with exit code 3. */
export function endsAfter(seconds: number): readonly string[] {
  return ["sh", "-c", `sleep ${seconds}; exit 3`];
}
