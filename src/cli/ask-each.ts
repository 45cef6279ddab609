import { setTimeout as delay } from "node:timers/promises";
import { type Client, type ClientOptions, openClient } from "./client.ts";
import { CommandFailure } from "./failure.ts";
import { createPaint, plain } from "./paint.ts";
import { paintState, Workload } from "./shapes.ts";
import { orUnknown, workloadAt } from "./workload-at.ts";
import { type ExitCode, exitCodes, type World } from "./world.ts";

/** The word every such command takes. */
export const aliasesArgument = [{ name: "ALIAS", help: "workloads to ask it of", many: true }] as const;

/** For commands whose work goes on after the answer. */
export const waitOption = { wait: { short: "w", help: "wait until it is done; 1 if it fails" } } as const;

/** What is asked of workloads, one after the other. */
export interface Asking {
  /** Last part of the API's path. */
  readonly verb: "wake" | "sleep" | "pin" | "unpin" | "restart";
  readonly aliases: readonly string[];
  readonly options: ClientOptions & { readonly json: boolean; readonly reason: string | undefined };
  /** Besides the reason. */
  readonly body?: object;
  /** The state it is over in; absent = nobody waits. */
  readonly until?: "ready" | "napping";
}

const pollMs = 300;
const underWay: ReadonlySet<string> = new Set(["unknown", "starting", "stopping"]);

/** Asks, waits if that is wanted, and tells how each workload is then. One that refuses does not keep the others from being asked. */
export async function askEach(asking: Asking, world: World): Promise<ExitCode> {
  const client = await openClient(asking.options, world);
  const paint = createPaint(world);
  const workloads: Workload[] = [];
  for (const alias of asking.aliases) {
    try {
      const workload = await askOne(asking, { client, alias, stop: world.stop });
      workloads.push(workload);
      if (!asking.options.json) world.out(`${alias}: ${paintState(paint, workload.state)}`);
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode === exitCodes.notReachable) throw error;
      world.err(`${alias}: ${error.message}`);
    }
  }
  if (asking.options.json) world.out(JSON.stringify({ workloads }, null, 2));
  return workloads.length === asking.aliases.length ? exitCodes.done : exitCodes.failed;
}

interface Whom {
  readonly client: Client;
  readonly alias: string;
  readonly stop: AbortSignal;
}

async function askOne({ verb, options, body, until }: Asking, { client, alias, stop }: Whom): Promise<Workload> {
  const reason = options.reason === undefined ? {} : { reason: options.reason };
  const path = `workloads/${encodeURIComponent(alias)}/${verb}`;
  let workload = await orUnknown(client.post(path, Workload, { body: { ...body, ...reason } }), client, alias);
  if (until === undefined) return workload;
  while (underWay.has(workload.state)) {
    await delay(pollMs, undefined, { signal: stop }).catch(() => {
      throw new CommandFailure("not waited for: it goes on");
    });
    workload = await workloadAt(client, alias);
  }
  if (workload.state === until) return workload;
  const { state, error } = workload;
  throw new CommandFailure(error === null ? `it is ${state} instead` : plain(error.message));
}
