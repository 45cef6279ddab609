import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { isWanted, type Notice, type NotifierSpec } from "../core/notices.ts";
import type { ResultCounts } from "../core/tallies.ts";
import { createSender } from "./create-sender.ts";
import { createDelivery, type Delivery } from "./delivery.ts";
import { type Sender, toSendError } from "./sender.ts";

/** Tells whoever wants to know. Never throws, never waits for a receiver. */
export interface Notifier {
  /** Makes exactly these the receivers; one that stayed the same keeps what it has to send. */
  update(specs: readonly NotifierSpec[]): void;
  notify(notice: Notice): void;
  /** Sends a test notice to each receiver. */
  test(): Promise<readonly TestResult[]>;
  receivers(): Iterable<{ readonly sender: string; readonly counts: ResultCounts }>;
  /** Receivers that could not be reached when they were configured. */
  problems(): readonly { readonly key: string; readonly message: string }[];
  close(): void;
}

export interface TestResult {
  readonly sender: string;
  readonly type: NotifierSpec["type"];
  /** null = it was taken. */
  readonly error: string | null;
}

interface Receiver {
  readonly spec: NotifierSpec;
  readonly delivery: Delivery;
  problem: string | null;
}

const verifyMs = 10_000;

export interface NotifierDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** nodoff's own public address; null = none. */
  readonly link: () => string | null;
}

export function createNotifier({ clock, logger, link }: NotifierDeps): Notifier {
  const receivers = new Map<string, Receiver>();

  function open(spec: NotifierSpec): void {
    const { name } = spec;
    const sender = createSender(spec);
    const receiver = { spec, delivery: createDelivery({ clock, logger, name, sender }), problem: null };
    receivers.set(name, receiver);
    void verify(receiver, sender);
  }

  /** Better known now than when the first notice is lost. Everything else goes on. */
  async function verify(receiver: Receiver, { verify: ask }: Sender): Promise<void> {
    if (ask === undefined) return;
    const time = new AbortController();
    const cancel = clock.after(verifyMs, () => time.abort());
    try {
      await ask({ signal: time.signal });
    } catch (error) {
      receiver.problem = time.signal.aborted ? "timed out" : toSendError(error).message;
      logger.warn("nobody can be told", { key: `notify.${receiver.spec.name}`, error: receiver.problem });
    } finally {
      cancel();
    }
  }

  function withLink(notice: Notice): Notice {
    const own = link();
    return own === null ? notice : { ...notice, link: own };
  }

  function close({ spec, delivery }: Receiver, why: string): void {
    receivers.delete(spec.name);
    delivery.close(why);
  }

  return {
    update(specs) {
      const wanted = new Map(specs.map((spec) => [spec.name, spec]));
      for (const receiver of receivers.values())
        if (JSON.stringify(wanted.get(receiver.spec.name)) !== JSON.stringify(receiver.spec))
          close(receiver, "the receiver was changed or taken out");
      for (const spec of specs) if (!receivers.has(spec.name)) open(spec);
    },
    notify(news) {
      const notice = withLink(news);
      for (const { spec, delivery } of receivers.values())
        if (isWanted(notice.event, spec.events)) delivery.add(notice);
    },
    test() {
      const message = "This is a test";
      const test: Notice = { event: "test", alias: null, at: clock.wall(), message, detail: "notices arrive" };
      const notice = withLink(test);
      return Promise.all(
        Array.from(receivers.values(), async (receiver) => {
          const error = await receiver.delivery.try(notice);
          if (error === null) receiver.problem = null;
          return { sender: receiver.spec.name, type: receiver.spec.type, error };
        }),
      );
    },
    *receivers() {
      for (const { spec, delivery } of receivers.values()) yield { sender: spec.name, counts: delivery.counts };
    },
    problems() {
      return Array.from(receivers.values()).flatMap(({ spec, problem }) =>
        problem === null ? [] : [{ key: `notify.${spec.name}`, message: problem }],
      );
    },
    close() {
      for (const receiver of receivers.values()) close(receiver, "shutting down");
    },
  };
}
