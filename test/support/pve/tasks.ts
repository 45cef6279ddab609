import type { Clock } from "../../../src/core/clock.ts";
import { TaskError } from "./model.ts";
import type { SimNode, SimTask, TaskFate } from "./model.ts";

export interface SimTasks {
  readonly all: readonly SimTask[];
  /** Forks a worker; returns its task at once. `fate` decides how it ends, whatever its work does. */
  begin(options: BeginOptions, work: (task: SimTask) => Promise<void>): SimTask;
  find(upid: string): SimTask | undefined;
  abort(task: SimTask): void;
  /** Resolves after virtual `ms`; rejects when the task is aborted. */
  sleep(task: SimTask, ms: number): Promise<void>;
}

export interface BeginOptions {
  readonly node: SimNode;
  readonly type: string;
  readonly id: string;
  readonly user: string;
  readonly fate: TaskFate | undefined;
}

export function createTasks(clock: Clock): SimTasks {
  const all: SimTask[] = [];
  let nextPid = 0x1a2b;

  const seconds = ({ skewMs }: SimNode): number => Math.floor((clock.wall() + skewMs) / 1000);
  const hex = (value: number, digits = 8): string => value.toString(16).toUpperCase().padStart(digits, "0");

  function create({ node, type, id, user }: BeginOptions): SimTask {
    nextPid += 3;
    const pid = nextPid;
    // Ticks since the node's boot; long-lived nodes need a ninth digit.
    const pstart = 0x12345678 + Math.floor(clock.now() / 10);
    const startedS = seconds(node);
    const upid = `UPID:${node.name}:${hex(pid)}:${hex(pstart)}:${hex(startedS)}:${type}:${id}:${user}:`;
    const task: SimTask = {
      upid,
      node: node.name,
      type,
      id,
      user,
      pid,
      pstart,
      startedS,
      endedS: null,
      exit: null,
      log: [],
      vanished: false,
      lateLooks: 0,
      aborted: false,
      abort: () => undefined,
    };
    all.push(task);
    return task;
  }

  function end(task: SimTask, node: SimNode, exit: string): void {
    task.exit = exit;
    task.endedS = seconds(node);
    task.log.push(exit === "OK" ? "TASK OK" : exit.startsWith("WARNINGS") ? `TASK ${exit}` : `TASK ERROR: ${exit}`);
  }

  async function run(task: SimTask, options: BeginOptions, work: (task: SimTask) => Promise<void>): Promise<void> {
    const { fate, node } = options;
    try {
      if (fate?.kind === "error") {
        await sleep(task, 100);
        throw new TaskError(fate.text);
      }
      if (fate?.kind === "never") await new Promise<void>((_, reject) => (task.abort = () => reject(aborted())));
      if (fate?.kind === "ok_but_stopped") await sleep(task, 100);
      else await work(task);
      if (fate?.kind === "died") {
        task.exit = "unexpected status";
        task.endedS = seconds(node);
        task.lateLooks = Number.POSITIVE_INFINITY;
        return;
      }
      if (fate?.kind === "late_line") task.lateLooks = 1;
      if (fate?.kind === "vanished") task.vanished = true;
      end(task, node, fate?.kind === "warnings" ? `WARNINGS: ${fate.count}` : "OK");
    } catch (error) {
      end(task, node, error instanceof Error ? error.message : String(error));
    }
  }

  function sleep(task: SimTask, ms: number): Promise<void> {
    if (task.aborted) return Promise.reject(aborted());
    return new Promise((resolve, reject) => {
      const cancel = clock.after(ms, resolve);
      task.abort = () => {
        cancel();
        reject(aborted());
      };
    });
  }

  return {
    all,
    begin(options, work) {
      const task = create(options);
      void run(task, options, work);
      return task;
    },
    find: (upid) => all.find((task) => task.upid === upid),
    abort(task) {
      task.aborted = true;
      task.abort();
    },
    sleep,
  };
}

function aborted(): TaskError {
  return new TaskError("received interrupt");
}
