/** A question over the channel between the bench and one of its processes. */
export interface Question {
  readonly id: number;
  readonly name: string;
  readonly options: unknown;
}

/** `id` null: the process is up, `value` is what it tells of itself. */
export interface Told {
  readonly id: number | null;
  readonly value?: unknown;
  readonly error?: string;
}

type Answers = Readonly<Record<string, (options: unknown) => unknown>>;

/** Run in a child: tells the bench that it is up, then answers until the bench goes away. */
export function answerQuestions(self: object, answers: Answers): void {
  const tell = (told: Told): void => void process.send?.(told);
  process.on("message", (message) => {
    const { id, name, options } = message as Question;
    void answer(answers, name, options).then(
      (value) => tell({ id, value }),
      (error: unknown) => tell({ id, error: String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  tell({ id: null, value: self });
}

async function answer(answers: Answers, name: string, options: unknown): Promise<unknown> {
  const run = answers[name];
  if (run === undefined) throw new Error(`nobody answers "${name}"`);
  return run(options);
}

/** User and system time this process has used, in microseconds. What every server under test tells. */
export function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Collects what is garbage now, so that no measurement pays for what was before it. Needs --expose-gc. */
export function settle(): void {
  if (globalThis.gc === undefined) throw new Error("a server under test needs --expose-gc");
  globalThis.gc();
  globalThis.gc();
}

/** Monotonic milliseconds that all processes of one machine share. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
