import { createAudience, inSlices } from "./audience.ts";
import { answer } from "./asked.ts";
import type { Asked } from "./asked.ts";
import type { HookDeps } from "./deps.ts";
import { stateOf, toRouteStatus } from "./status.ts";
import { writeProblem } from "./write.ts";

/** The long poll `/.nodoff/wait`. */
export interface Waits {
  serve(asked: Asked): void;
  /** Answers everybody now. */
  close(): void;
}

/** Under the 25 s that proxies are sure to bear. */
const longestMs = 20_000;
/** The same as the default of `limits.waiters`. */
const maxWaits = 20_000;

interface Wait {
  readonly asked: Asked;
  readonly since: string;
  finish(): void;
}

/** Answers at the next state that is not `since=`, at the latest after 20 s; at once where it differs already. */
export function createWaits({ clock, journal }: Pick<HookDeps, "clock" | "journal">): Waits {
  let closed = false;
  const audience = createAudience<Wait, true>(journal, {
    prepare: (event) => (event.type === "state" ? true : null),
    tell: (wait) => {
      if (stateOf(wait.asked.route) !== wait.since) wait.finish();
    },
  });
  const hold = (asked: Asked, alias: string, since: string): void => {
    const end = (): void => {
      cancel();
      leave();
      asked.res.off("close", end);
    };
    const wait: Wait = {
      asked,
      since,
      finish() {
        end();
        answer(asked, toRouteStatus(asked.route));
      },
    };
    const cancel = clock.after(longestMs, () => wait.finish());
    const leave = audience.join(alias, wait);
    asked.res.once("close", end);
  };

  return {
    serve(asked) {
      const { workload } = asked.route;
      const since = asked.params.get("since");
      const isNews = workload === null || since !== workload.state;
      if (isNews || closed) return answer(asked, toRouteStatus(asked.route));
      if (audience.size >= maxWaits) return writeProblem(asked.res, { code: "TOO_MANY_WAITERS", retryAfterS: 5 });
      hold(asked, workload.spec.alias, since);
    },
    close() {
      closed = true;
      inSlices([...audience.members()], (wait) => wait.finish());
    },
  };
}
