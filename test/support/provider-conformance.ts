import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Clock } from "../../src/core/clock.ts";
import { NodoffError } from "../../src/core/errors.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import type { Look, Provider } from "../../src/core/provider.ts";
import { recordWatch } from "./observer.ts";
import type { RecordingWatch } from "./observer.ts";
import { eventually } from "./relay.ts";

/**
 * What the suite asks for: `plain` ends by TERM with 0, and writes the lines `one`, `two`, `three` once it heeds that ·
 * `stubborn` ignores TERM · `crasher` ends by itself with 3 soon after its start, by TERM with 0 · `broken` cannot be
 * started, for its command does not exist. All write at least one line when they are up.
 */
export type Kind = "plain" | "stubborn" | "crasher" | "broken";

/** An engine to run the suite on. */
export interface Subject {
  readonly provider: Provider;
  readonly clock: Clock;
  /** Creates a workload that does not run; returns its ref. */
  create(kind: Kind): Promise<string>;
  /** Resolves once what was started heeds signals; absent: once it wrote a line. */
  up?(ref: string): Promise<void>;
  /** What somebody else does. */
  readonly outside: {
    start(ref: string): Promise<void>;
    stop(ref: string): Promise<void>;
    /** Absent where its kind of workload cannot be paused. */
    pause?(ref: string): Promise<void>;
    resume?(ref: string): Promise<void>;
    delete(ref: string): Promise<void>;
  };
  /** A workload nodoff must keep its hands off. */
  refused(): Promise<string>;
  /** Cuts the way to the engine until `restore`. */
  readonly link: { lose(): Promise<void>; restore(): Promise<void> };
  close(): Promise<void>;
}

/** Patience of one call; the suite never waits that long unless something is wrong. */
const limitMs = 30_000;

async function rejects(work: Promise<unknown>, code: ErrorCode): Promise<NodoffError> {
  const error = await work.then(
    () => assert.fail(`expected ${code}, but it resolved`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof NodoffError, `expected ${code}, not ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

/**
 * The contract of `Provider`, run against one implementation. `skip` names rows that do not apply, each with its reason.
 */
export function describeProvider(
  name: string,
  open: () => Promise<Subject>,
  options: {
    readonly skip?: Readonly<Record<string, string>>;
    readonly missing?: string | false;
    /** false: the engine keeps no exit codes, all are null. */
    readonly exitCodes?: boolean;
  } = {},
): void {
  // One row after the other, whatever else runs beside: they share the subject.
  describe(`provider: ${name}`, { skip: options.missing ?? false, concurrency: 1 }, () => {
    let subject: Subject;
    let provider: Provider;
    let watch: RecordingWatch;
    const unused = new Set(Object.keys(options.skip ?? {}));
    const code = (exitCode: number): number | null => (options.exitCodes === false ? null : exitCode);
    const io = () => ({ signal: AbortSignal.timeout(limitMs) });
    const stopping = (timeoutMs: number | null = 5_000) => ({ ...io(), stopSignal: null, timeoutMs });
    const killing = () => ({ ...io(), stopSignal: null });
    const look = async (ref: string): Promise<Look> => {
      const found = await provider.inspect(ref, io());
      assert.ok(found, `${ref} is there`);
      return found;
    };
    const power = async (ref: string): Promise<string> => (await look(ref)).power;
    const started = async (kind: Kind = "plain"): Promise<string> => {
      const ref = await subject.create(kind);
      await provider.start(ref, io());
      // A signal sent before the command has set its traps would end it otherwise than meant.
      if (subject.up !== undefined) await subject.up(ref);
      else await eventually("its first line", async () => (await provider.logs(ref, { ...io(), lines: 1 })).length > 0);
      return ref;
    };
    /** Each kind once: Docker may tell a pause and its end a second time. */
    const kinds = (ref: string): readonly string[] => [...new Set(watch.changes(ref).map(({ kind }) => kind))];
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

    row("tells the link and a list first", async () => {
      // An engine others use, too, may tell of what happens to theirs meanwhile.
      const told = watch.told.map(({ kind }) => kind).filter((kind) => kind !== "changed");
      assert.deepEqual(told.slice(0, 2), ["link", "listed"]);
      assert.equal(watch.links[0], null);
    });

    row("an unknown ref is undefined to inspect and GONE to all else", async () => {
      const ref = "no-such-workload";
      assert.equal(await provider.inspect(ref, io()), undefined);
      await rejects(provider.start(ref, io()), "GONE");
      await rejects(provider.stop(ref, stopping()), "GONE");
      await rejects(provider.pause(ref, io()), "GONE");
      await rejects(provider.resume(ref, io()), "GONE");
      await rejects(provider.kill(ref, killing()), "GONE");
      await rejects(provider.logs(ref, { ...io(), lines: 1 }), "GONE");
      await rejects(provider.counters(ref, io()), "GONE");
      await rejects(provider.address(ref, { port: 80 }, io()), "GONE");
    });

    row("a stopped one: stop and kill succeed, pause and resume do not", async () => {
      const ref = await subject.create("plain");
      assert.equal(await power(ref), "stopped");
      await provider.stop(ref, stopping());
      await provider.kill(ref, killing());
      await rejects(provider.pause(ref, io()), "ENGINE_ERROR");
      await rejects(provider.resume(ref, io()), "ENGINE_ERROR");
      assert.deepEqual(watch.changes(ref), []);
      assert.equal(await power(ref), "stopped");
    });

    row("a look at what never ran", async () => {
      const { refs, id, startedAt, exitCode, error, refusal } = await look(await subject.create("plain"));
      assert.ok(refs.length >= 1 && id !== "");
      assert.deepEqual(
        { startedAt, exitCode, error, refusal },
        { startedAt: null, exitCode: null, error: null, refusal: null },
      );
    });

    row("start runs it, and again is success without a second start", async () => {
      const ref = await started();
      await provider.start(ref, io());
      const { startedAt, exitCode, ...now } = await look(ref);
      assert.equal(now.power, "running");
      assert.equal(exitCode, null);
      assert.ok(startedAt !== null && Math.abs(startedAt - subject.clock.wall()) < limitMs);
      await watch.change(ref, "started");
      assert.equal(watch.changes(ref).length, 1);
    });

    row("starts at the same time are one start", async () => {
      const ref = await subject.create("plain");
      await Promise.all(Array.from({ length: 5 }, () => provider.start(ref, io())));
      await provider.stop(ref, stopping());
      await watch.change(ref, "exited");
      assert.deepEqual(
        watch.changes(ref).map(({ kind }) => kind),
        ["started", "exited"],
      );
    });

    row("stop resolves once it no longer runs, and again is success", async () => {
      const ref = await started();
      await provider.stop(ref, stopping());
      assert.deepEqual(pick(await look(ref)), { power: "stopped", exitCode: code(0) });
      await provider.stop(ref, stopping());
      const { asked, exitCode, restarts } = await watch.change(ref, "exited");
      assert.deepEqual({ asked, exitCode, restarts }, { asked: true, exitCode: code(0), restarts: false });
    });

    row("stop kills what ignores the signal, after the timeout", async () => {
      const ref = await started("stubborn");
      const from = subject.clock.now();
      await provider.stop(ref, stopping(1_000));
      assert.ok(subject.clock.now() - from >= 990, "the whole timeout was given");
      assert.deepEqual(pick(await look(ref)), { power: "stopped", exitCode: code(137) });
      assert.equal((await watch.change(ref, "exited")).asked, true);
    });

    row("kill ends it at once", async () => {
      const ref = await started("stubborn");
      await provider.kill(ref, killing());
      assert.deepEqual(pick(await look(ref)), { power: "stopped", exitCode: code(137) });
      assert.equal((await watch.change(ref, "exited")).asked, true);
      await provider.start(ref, io());
      assert.equal(await power(ref), "running", "it can be started again");
      await provider.kill(ref, killing());
    });

    row("kill by another signal waits for the end", async () => {
      const ref = await started();
      await provider.kill(ref, { ...io(), stopSignal: "SIGTERM" });
      assert.deepEqual(pick(await look(ref)), { power: "stopped", exitCode: code(0) });
    });

    row("pause freezes and resume thaws, each again is success", async () => {
      const ref = await started();
      await provider.pause(ref, io());
      await provider.pause(ref, io());
      assert.equal(await power(ref), "paused");
      await provider.resume(ref, io());
      await provider.resume(ref, io());
      assert.equal(await power(ref), "running");
      await watch.change(ref, "resumed");
      assert.deepEqual(kinds(ref), ["started", "paused", "resumed"]);
    });

    row("start on a paused one says to resume it", async () => {
      const ref = await started();
      await provider.pause(ref, io());
      const { message } = await rejects(provider.start(ref, io()), "ENGINE_ERROR");
      assert.match(message, /resume/);
      assert.equal(await power(ref), "paused");
    });

    row("stop ends a paused one, without telling that it was resumed", async () => {
      const ref = await started();
      await provider.pause(ref, io());
      await provider.stop(ref, stopping());
      assert.equal(await power(ref), "stopped");
      await watch.change(ref, "exited");
      assert.deepEqual(kinds(ref), ["started", "paused", "exited"]);
    });

    row("kill ends a paused one", async () => {
      const ref = await started();
      await provider.pause(ref, io());
      await provider.kill(ref, killing());
      assert.equal(await power(ref), "stopped");
      assert.equal((await watch.change(ref, "exited")).asked, true);
    });

    row("an end nobody asked for is told with its code", async () => {
      const ref = await started("crasher");
      const { asked, exitCode, restarts } = await watch.change(ref, "exited");
      assert.deepEqual({ asked, exitCode, restarts }, { asked: false, exitCode: code(3), restarts: false });
      assert.deepEqual(pick(await look(ref)), { power: "stopped", exitCode: code(3) });
    });

    row("a crash after a stop and a start counts as a crash", async () => {
      const ref = await started("crasher");
      await provider.stop(ref, stopping());
      await watch.change(ref, "exited");
      const from = watch.changes(ref).length;
      await provider.start(ref, io());
      assert.equal((await watch.change(ref, "exited", from)).asked, false);
    });

    row("a command that does not exist is BAD_COMMAND", async () => {
      const ref = await subject.create("broken");
      await rejects(provider.start(ref, io()), "BAD_COMMAND");
      const now = await look(ref);
      assert.equal(now.power, "stopped");
      assert.ok(now.error, "the look keeps the reason");
    });

    row("what others do is told", async () => {
      const ref = await subject.create("plain");
      const { outside } = subject;
      await outside.start(ref);
      await watch.change(ref, "started");
      if (outside.pause !== undefined && outside.resume !== undefined) {
        await outside.pause(ref);
        await watch.change(ref, "paused");
        await outside.resume(ref);
        await watch.change(ref, "resumed");
      }
      await outside.stop(ref);
      assert.equal((await watch.change(ref, "exited")).asked, true);
      await outside.delete(ref);
      await watch.change(ref, "deleted");
      assert.deepEqual(kinds(ref), [
        "started",
        ...(outside.pause === undefined ? [] : ["paused", "resumed"]),
        "exited",
        "deleted",
      ]);
      assert.equal(await provider.inspect(ref, io()), undefined);
    });

    row("what is created later is listed", async () => {
      const ref = await subject.create("plain");
      await eventually("the new one in a list", () => watch.looks.some(({ refs }) => refs.includes(ref)));
    });

    row("what nodoff must not touch is REFUSED", async () => {
      const ref = await subject.refused();
      const found = await look(ref);
      assert.ok(found.refusal);
      await rejects(provider.start(ref, io()), "REFUSED");
      await rejects(provider.stop(ref, stopping()), "REFUSED");
      await rejects(provider.kill(ref, killing()), "REFUSED");
      await rejects(provider.pause(ref, io()), "REFUSED");
      await rejects(provider.resume(ref, io()), "REFUSED");
      assert.equal(await power(ref), found.power);
    });

    row("list tells the same as inspect", async () => {
      const ref = await started();
      const listed = (await provider.list(io())).find(({ refs }) => refs.includes(ref));
      assert.deepEqual(listed, await look(ref));
    });

    row("a call whose signal is over does nothing", async () => {
      const ref = await subject.create("plain");
      const over = { signal: AbortSignal.abort() };
      await rejects(provider.start(ref, over), "PROVIDER_UNAVAILABLE");
      await rejects(provider.inspect(ref, over), "PROVIDER_UNAVAILABLE");
      await rejects(provider.list(over), "PROVIDER_UNAVAILABLE");
      assert.equal(await power(ref), "stopped");
    });

    row("a signal ends a stop that takes long", async () => {
      const ref = await started("stubborn");
      const from = subject.clock.now();
      const options = { signal: AbortSignal.timeout(300), stopSignal: null, timeoutMs: 20_000 };
      await rejects(provider.stop(ref, options), "PROVIDER_UNAVAILABLE");
      assert.ok(subject.clock.now() - from < 15_000);
      await provider.kill(ref, killing());
    });

    row("logs are the last lines, oldest first", async () => {
      const ref = await started();
      const all = await eventually("three lines", async () => {
        const lines = await provider.logs(ref, { ...io(), lines: 50 });
        return lines.length >= 3 ? lines : null;
      });
      assert.deepEqual(all, ["one", "two", "three"]);
      assert.deepEqual(await provider.logs(ref, { ...io(), lines: 2 }), ["two", "three"]);
      assert.deepEqual(await provider.logs(ref, { ...io(), lines: 0 }), []);
    });

    row("a running one has an address for the port that was asked for, after a restart too", async () => {
      const ref = await started();
      const first = await provider.address(ref, { port: 8080 }, io());
      assert.equal(first.port, 8080);
      assert.notEqual(first.host, "");
      await provider.stop(ref, stopping());
      await provider.start(ref, io());
      assert.equal((await provider.address(ref, { port: 8080 }, io())).port, 8080);
    });

    row("without a port anywhere the address is NO_PORT", async () => {
      const ref = await started();
      await rejects(provider.address(ref, { port: null }, io()), "NO_PORT");
    });

    row("counters never fail on what it knows", async () => {
      const ref = await subject.create("plain");
      assert.deepEqual(await provider.counters(ref, io()), {});
      await provider.start(ref, io());
      for (const value of Object.values(await provider.counters(ref, io()))) assert.ok(value >= 0);
    });

    row("a lost link is told once, and once back a list tells what was missed", async () => {
      const ref = await started();
      await watch.change(ref, "started");
      const links = watch.links.length;
      await subject.link.lose();
      await eventually("the loss", () => watch.links.length > links);
      const lists = watch.lists;
      await rejects(provider.inspect(ref, io()), "PROVIDER_UNAVAILABLE");
      await subject.outside.stop(ref);
      await subject.link.restore();
      await eventually("a list", () => watch.lists > lists);
      assert.deepEqual(
        watch.links.slice(links).map((failure) => failure?.code ?? null),
        ["PROVIDER_UNAVAILABLE", null],
      );
      assert.equal(watch.looks.find(({ refs }) => refs.includes(ref))?.power, "stopped");
    });

    row("a closed watch is told nothing more", async () => {
      const other = recordWatch(provider);
      await other.listed();
      await other.close();
      const count = other.told.length;
      const ref = await started();
      await watch.change(ref, "started");
      assert.equal(other.told.length, count);
    });

    row("after close every call is SHUTTING_DOWN", async () => {
      const ref = await subject.create("plain");
      await provider.close();
      await rejects(provider.start(ref, io()), "SHUTTING_DOWN");
      await rejects(provider.list(io()), "SHUTTING_DOWN");
      await provider.close();
    });

    it("skips only rows that exist", () => assert.deepEqual([...unused], []));
  });
}

function pick({ power, exitCode }: Look): object {
  return { power, exitCode };
}
