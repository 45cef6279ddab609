import type { Logger } from "../core/logger.ts";
import { toProblem } from "../core/problem.ts";
import type { Control } from "./control.ts";

/**
 * Control that `open` makes when somebody first asks: Express and the API are a fifth of the start, and whoever never
 * looks need not keep them. Requests wait until it is open; where it cannot be opened, each is told so and the next one
 * tries again.
 */
export function createLateControl(open: () => Promise<Control>, logger: Pick<Logger, "error">): Control {
  let opened: Promise<Control> | null = null;
  let isClosed = false;

  async function openOnce(): Promise<Control> {
    try {
      const control = await open();
      if (isClosed) control.close();
      return control;
    } catch (error) {
      opened = null;
      throw error;
    }
  }

  return {
    serve(request, response) {
      opened ??= openOnce();
      opened.then(
        (control) => control.serve(request, response),
        (error: unknown) => {
          logger.error("the API cannot be opened", { error });
          const { status, headers, body } = toProblem({ code: "INTERNAL" });
          response.writeHead(status, headers).end(body);
        },
      );
    },
    close() {
      isClosed = true;
      opened?.then(
        (control) => control.close(),
        () => undefined,
      );
    },
  };
}
