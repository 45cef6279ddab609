import type { RequestHandler } from "express";
import type { z } from "zod";
import { formatDuration } from "../core/duration.ts";
import type { ProblemInput } from "../core/problem.ts";
import type { WorkloadHandle } from "../core/workload-handle.ts";
import type { Access } from "./access.ts";
import { sendProblem } from "./answers.ts";
import { bodies, parseBody } from "./bodies.ts";
import type { ControlDeps } from "./deps.ts";
import { describeWorkload, findWorkload } from "./find-workload.ts";
import { toReasons } from "./views.ts";

interface Asked {
  readonly workload: WorkloadHandle;
  /** Tells the journal and the log what is asked for, or why it is refused. */
  audit(what: string): void;
}

/** Does what is asked for. Returns what forbids it; null: done, or under way. */
type Act<T> = (asked: Asked, body: T) => ProblemInput | null | Promise<ProblemInput | null>;

/**
 * What a person or a script may ask of a workload, by path under `/api/v1`. Each is told to the journal first, then
 * answered with 202 and the workload as it is then: what was asked for may still be under way.
 */
export function askingEndpoints(deps: ControlDeps, access: Access): Readonly<Record<string, RequestHandler>> {
  const { clock } = deps;
  return {
    "/workloads/:alias/wake": endpoint({ deps, access }, bodies.wake, ({ workload, audit }, { reason }) => {
      audit(`wake asked${because(reason)}`);
      workload.wake("person");
      return null;
    }),
    "/workloads/:alias/sleep": endpoint({ deps, access }, bodies.sleep, sleep),
    "/workloads/:alias/pin": endpoint(
      { deps, access },
      bodies.pin,
      ({ workload, audit }, { for: durationMs, reason }) => {
        audit(`pin asked for ${formatDuration(durationMs)}${because(reason)}`);
        workload.pin(Math.round(clock.wall() + durationMs), reason);
        return null;
      },
    ),
    "/workloads/:alias/unpin": endpoint({ deps, access }, bodies.unpin, ({ workload, audit }, { reason }) => {
      audit(`unpin asked${because(reason)}`);
      workload.pin(null, reason);
      return null;
    }),
    "/workloads/:alias/restart": endpoint({ deps, access }, bodies.restart, ({ workload, audit }, { reason }) => {
      audit(`restart asked${because(reason)}`);
      if (!workload.spec.sleeps) return refused(audit);
      workload.restart(reason);
      return null;
    }),
  };
}

async function sleep(
  { workload, audit }: Asked,
  { force, reason }: z.infer<typeof bodies.sleep>,
): Promise<ProblemInput | null> {
  audit(`sleep asked${force ? " with force" : ""}${because(reason)}`);
  if (!workload.spec.sleeps) return refused(audit);
  const answer = await workload.sleep({ force, reason });
  if (answer.kind === "accepted") return null;
  audit("sleep refused: it is in use");
  const detail = "it is in use: send force to put it to sleep all the same";
  return { code: "IN_USE", detail, extra: { reasons: toReasons(answer.reasons) } };
}

/** Only what opted in is ever stopped, whoever asks (design §15). */
function refused(audit: Asked["audit"]): ProblemInput {
  audit("refused: it did not opt in to sleep");
  return { code: "REFUSED", detail: "it did not opt in to sleep, so it is never stopped" };
}

function because(reason: string | null): string {
  return reason === null ? "" : ` (reason: ${reason})`;
}

function endpoint<T>(
  { deps, access }: { readonly deps: ControlDeps; readonly access: Access },
  schema: z.ZodType<T>,
  act: Act<T>,
): RequestHandler {
  return async (request, response) => {
    const workload = findWorkload(request, deps);
    if (workload === undefined) return sendProblem(response, { code: "NOT_FOUND" });
    const parsed = parseBody(schema, request.body);
    if (!parsed.ok) return sendProblem(response, { code: "BAD_REQUEST", detail: parsed.detail });
    const { alias } = workload.spec;
    const audit = (what: string): void => access.audit(request, alias, what);
    const problem = await act({ workload, audit }, parsed.body);
    if (problem !== null) return sendProblem(response, problem);
    response.status(202).json(describeWorkload(workload, deps));
  };
}
