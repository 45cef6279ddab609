import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Clock } from "../../src/core/clock.ts";
import { NodoffError } from "../../src/core/errors.ts";
import type { Insight, OpenConnection, Provider } from "../../src/core/provider.ts";
import { recordWatch } from "./observer.ts";
import type { RecordingWatch } from "./observer.ts";
import { eventually } from "./relay.ts";

/**
 * What the suite asks for: `server` accepts TCP connections and keeps them · `caller` opens one to somewhere else and
 * keeps it · `worker` uses CPU time and memory all the time. All end by TERM.
 */
export type InsightKind = "server" | "caller" | "worker";

/** An engine to run the suite on. */
export interface InsightSubject {
  readonly provider: Provider;
  readonly clock: Clock;
  /** Creates one and starts it; resolves once it is up: its ref. */
  run(kind: InsightKind): Promise<string>;
  /** Opens a connection to a `server` from outside, and says something over it; resolves once it is accepted. */
  connect(ref: string): Promise<{ readonly localPort: number; close(): void }>;
  /** Runs a command inside, as a person would. */
  enter(ref: string, command: readonly string[]): Promise<{ end(): Promise<void> }>;
  close(): Promise<void>;
}

const limitMs = 30_000;

/**
 * The contract of `Provider.insight` and of counters, run against one implementation. `skip` names rows that do not
 * apply, each with its reason.
 */
export function describeInsight(
  name: string,
  open: () => Promise<InsightSubject>,
  options: { readonly skip?: Readonly<Record<string, string>>; readonly missing?: string | false } = {},
): void {
  describe(`insight: ${name}`, { skip: options.missing ?? false }, () => {
    let subject: InsightSubject;
    let provider: Provider;
    let watch: RecordingWatch;
    const unused = new Set(Object.keys(options.skip ?? {}));
    const io = () => ({ signal: AbortSignal.timeout(limitMs) });
    const part = <K extends keyof Insight>(key: K): NonNullable<Insight[K]> => {
      const found = provider.insight?.[key];
      assert.ok(found, `${name} has ${key}`);
      return found;
    };
    const connections = (ref: string): Promise<readonly OpenConnection[]> => part("connections")(ref, io());
    const row = (title: string, run: () => Promise<void>): void => {
      unused.delete(title);
      it(title, { skip: options.skip?.[title] ?? false }, run);
    };

    before(async () => {
      subject = await open();
      ({ provider } = subject);
      watch = recordWatch(provider);
      await watch.listed();
    });
    after(async () => {
      await watch.close();
      await subject.close();
    });

    row("a connection from outside is seen as long as it lasts, silent or not", async () => {
      const ref = await subject.run("server");
      assert.deepEqual(await connections(ref), []);
      const first = await subject.connect(ref);
      const [seen, ...more] = await eventually("it is seen", async () => {
        const found = await connections(ref);
        return found.length > 0 ? found : null;
      });
      assert.deepEqual(more, []);
      assert.ok((seen?.port ?? 0) > 0);
      assert.match(seen?.peer ?? "", new RegExp(`^\\S+:${first.localPort}$`));
      const second = await subject.connect(ref);
      const two = await eventually("both are seen", async () => {
        const found = await connections(ref);
        return found.length === 2 ? found : null;
      });
      assert.equal(new Set(two.map(({ peer }) => peer)).size, 2);
      assert.deepEqual(await connections(ref), two, "nothing changed");
      first.close();
      await eventually("one is left", async () => (await connections(ref)).length === 1);
      second.close();
      await eventually("none is left", async () => (await connections(ref)).length === 0);
    });

    row("a connection it opened itself is not seen", async () => {
      const ref = await subject.run("caller");
      assert.deepEqual(await connections(ref), []);
    });

    row("what is stopped or frozen has no connections", async () => {
      const ref = await subject.run("server");
      const client = await subject.connect(ref);
      await eventually("it is seen", async () => (await connections(ref)).length === 1);
      await provider.pause(ref, io());
      assert.deepEqual(await connections(ref), []);
      await provider.resume(ref, io());
      assert.equal((await connections(ref)).length, 1);
      client.close();
      await provider.kill(ref, { ...io(), stopSignal: null });
      assert.deepEqual(await connections(ref), []);
    });

    row("a command somebody runs inside is a session as long as it lasts, nodoff's own is none", async () => {
      const ref = await subject.run("server");
      assert.deepEqual(await part("sessions")(ref, io()), []);
      const mine = part("exec")(ref, ["sleep", "2"], io());
      const shell = await subject.enter(ref, ["sh"]);
      await eventually("it is seen", async () => (await part("sessions")(ref, io())).length > 0);
      assert.deepEqual(await part("sessions")(ref, io()), ["sh"]);
      await shell.end();
      await eventually("it is gone", async () => (await part("sessions")(ref, io())).length === 0);
      await mine;
    });

    row("exec tells the exit code and the output", async () => {
      const ref = await subject.run("server");
      const exec = part("exec");
      assert.deepEqual(await exec(ref, ["sh", "-c", "echo good; exit 0"], io()), { exitCode: 0, output: "good\n" });
      assert.deepEqual(await exec(ref, ["sh", "-c", "echo bad >&2; exit 3"], io()), { exitCode: 3, output: "bad\n" });
    });

    row("exec cuts long output", async () => {
      const ref = await subject.run("server");
      const script = 'x=1234567; x=$x$x$x$x; i=0; while [ $i -lt 8000 ]; do echo "$x"; i=$((i+1)); done; exit 4';
      const { exitCode, output } = await part("exec")(ref, ["sh", "-c", script], io());
      assert.deepEqual([exitCode, output.length], [4, 65_536]);
    });

    row("exec of what cannot be run is BAD_COMMAND, on what does not run ENGINE_ERROR", async () => {
      const ref = await subject.run("server");
      const exec = part("exec");
      await rejects(exec(ref, ["/no/such/command"], io()), "BAD_COMMAND");
      await provider.kill(ref, { ...io(), stopSignal: null });
      await rejects(exec(ref, ["echo"], io()), "ENGINE_ERROR");
    });

    row("a signal ends the waiting for a command", async () => {
      const ref = await subject.run("server");
      const from = subject.clock.now();
      const work = part("exec")(ref, ["sleep", "20"], { signal: AbortSignal.timeout(500) });
      await rejects(work, "PROVIDER_UNAVAILABLE");
      assert.ok(subject.clock.now() - from < 15_000);
      // It goes on inside, and is nobody's session still.
      assert.deepEqual(await part("sessions")(ref, io()), []);
    });

    row("counters of what runs rise and never fall", async () => {
      const ref = await subject.run("worker");
      let last = await provider.counters(ref, io());
      assert.ok((last.memoryBytes ?? 0) > 0, "memory is counted");
      for (let round = 0; round < 3; round++) {
        const now = await eventually("more CPU time", async () => {
          const counters = await provider.counters(ref, io());
          return (counters.cpuMs ?? 0) > (last.cpuMs ?? 0) ? counters : null;
        });
        assert.ok((now.rxBytes ?? 0) >= (last.rxBytes ?? 0) && (now.txBytes ?? 0) >= (last.txBytes ?? 0));
        last = now;
      }
      await provider.kill(ref, { ...io(), stopSignal: null });
      assert.deepEqual(await provider.counters(ref, io()), {});
    });

    row("what is sent counts", async () => {
      const ref = await subject.run("server");
      const { rxBytes: rx = 0, txBytes: tx = 0 } = await provider.counters(ref, io());
      const client = await subject.connect(ref);
      await eventually("more bytes", async () => {
        const { rxBytes = 0, txBytes = 0 } = await provider.counters(ref, io());
        return rxBytes > rx && txBytes > tx;
      });
      client.close();
    });

    row("an unknown ref is GONE", async () => {
      const ref = "no-such-workload";
      const { insight } = provider;
      await rejects(provider.counters(ref, io()), "GONE");
      if (insight?.connections) await rejects(insight.connections(ref, io()), "GONE");
      if (insight?.sessions) await rejects(insight.sessions(ref, io()), "GONE");
      if (insight?.exec) await rejects(insight.exec(ref, ["echo"], io()), "GONE");
    });

    row("a call whose signal is over is PROVIDER_UNAVAILABLE", async () => {
      const ref = await subject.run("server");
      await connections(ref);
      const over = { signal: AbortSignal.abort() };
      await rejects(provider.counters(ref, over), "PROVIDER_UNAVAILABLE");
      await rejects(part("connections")(ref, over), "PROVIDER_UNAVAILABLE");
    });

    row("after close every call is SHUTTING_DOWN", async () => {
      const ref = await subject.run("server");
      await provider.close();
      await rejects(provider.counters(ref, io()), "SHUTTING_DOWN");
      await rejects(part("connections")(ref, io()), "SHUTTING_DOWN");
    });

    it("skips only rows that exist", () => assert.deepEqual([...unused], []));
  });
}

async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => assert.fail(`expected ${code}, but it resolved`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof NodoffError, `expected ${code}, not ${String(error)}`);
  assert.equal(error.code, code, error.message);
}
