import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { ContainerOptions } from "../docker.ts";
import { type Box, type Boxes, openBoxes } from "./boxes.ts";
import type { AtEnd } from "./ends.ts";
import { openEngineView } from "./engine-view.ts";

/** As compose writes them into its `depends_on` label. */
export type ComposeCondition = "service_started" | "service_healthy" | "service_completed_successfully";

export interface ServiceOptions extends Pick<ContainerOptions, "cmd" | "labels" | "expose" | "more"> {
  readonly dependsOn?: Readonly<Record<string, ComposeCondition>>;
  /** As `container_name` of compose: instead of project, service and number. */
  readonly containerName?: string;
}

/** Containers as `docker compose` would have made them, without compose: its labels are all that nodoff reads. */
export interface Stack {
  readonly boxes: Boxes;
  /** A container that belongs to no project. */
  box(name: string, options?: ContainerOptions): Promise<Box>;
  /** The name on the engine of what this file calls a project. */
  projectOf(name: string): string;
  /** A service of a project, one container of it. Its name is the only one of the file. */
  service(project: string, service: string, options?: ServiceOptions): Promise<Box>;
  /** The engine with nothing but these containers; `folder` keeps the socket. */
  view(folder: string): Promise<string>;
  /** A moment of the engine's own clock, for `events`: wall clock ms. */
  now(): Promise<number>;
  /** What the engine told of these services and boxes (none: of all) since then, oldest first; it tells a little late. */
  events(since: number, ...names: readonly string[]): readonly StackEvent[];
}

export interface StackEvent {
  /** Of the service or box. */
  readonly name: string;
  /** `start web`, `die web`, `pause web`, `unpause web`. */
  readonly text: string;
  /** Wall clock ms. */
  readonly at: number;
}

const runLabel = "nodoff-test.run";
const nameLabel = "nodoff-test.name";

/** The engine for one test file; what is made on it is removed at the end. */
export async function openStack(atEnd: AtEnd): Promise<Stack> {
  const boxes = await openBoxes(atEnd);
  const { docker, prefix } = boxes;
  const run = randomBytes(4).toString("hex");
  const own = (name: string): Record<string, string> => ({ [runLabel]: run, [nameLabel]: name });
  const projectOf = (name: string): string => `${prefix}${name}`;
  const recorded: StackEvent[] = [];
  // Followed from the start: the engine keeps the last 256 events only, and checks of health are many.
  const filters = { type: ["container" as const], label: [`${runLabel}=${run}`] };
  const stream = (await docker.getEvents({ filters })) as Readable;
  createInterface({ input: stream }).on("line", (line) => recorded.push(...toEvents(line)));
  atEnd(() => Promise.resolve(stream.destroy()));
  return {
    boxes,
    projectOf,
    async now() {
      const { SystemTime } = (await docker.info()) as { readonly SystemTime: string };
      return Date.parse(SystemTime);
    },
    box: (name, options = {}) => boxes.create(name, { ...options, labels: { ...options.labels, ...own(name) } }),
    service(project, service, { dependsOn = {}, containerName, labels, ...options } = {}) {
      const needs = Object.entries(dependsOn).map(([name, condition]) => `${name}:${condition}:false`);
      const compose = {
        "com.docker.compose.project": projectOf(project),
        "com.docker.compose.service": service,
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.container-number": "1",
        "com.docker.compose.depends_on": needs.join(","),
      };
      return boxes.create(containerName ?? `${project}-${service}-1`, {
        ...options,
        labels: { ...labels, ...compose, ...own(service) },
      });
    },
    async view(folder) {
      const socket = join(folder, "engine.sock");
      const view = await openEngineView(socket, `${runLabel}=${run}`);
      atEnd(() => view.close());
      return socket;
    },
    events: (since, ...names) =>
      recorded.filter(({ at, name }) => at >= since && (names.length === 0 || names.includes(name))),
  };
}

/** What goes on inside (commands, checks of health) is of no interest. */
const told = /^(?:start|die|pause|unpause)$/;

function toEvents(line: string): readonly StackEvent[] {
  const { Action, Actor, timeNano } = JSON.parse(line) as {
    readonly Action: string;
    readonly Actor: { readonly Attributes: Readonly<Record<string, string>> };
    readonly timeNano: number;
  };
  const name = Actor.Attributes[nameLabel] ?? "";
  return told.test(Action) ? [{ name, text: `${Action} ${name}`, at: timeNano / 1e6 }] : [];
}
