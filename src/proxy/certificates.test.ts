import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { appPair, oldPair, wildPair } from "../../test/support/certificates.ts";
import type { Pair } from "../../test/support/certificates.ts";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { createCertificates } from "./certificates.ts";
import type { CertificateFiles, CertificateProblem } from "./certificates.ts";

/** Certificates over files that a test writes. */
function openStage(...names: readonly string[]) {
  const files = new Map<string, string>();
  const watchers = new Map<string, Set<() => void>>();
  const told: CertificateProblem[] = [];
  const clock = fakeClock();
  const logger = recordingLogger();
  const certificates = createCertificates({
    clock,
    logger,
    readFile(path) {
      const text = files.get(path);
      if (text === undefined) throw new Error("ENOENT");
      return text;
    },
    watch(path, onChange) {
      const all = watchers.get(path) ?? new Set();
      watchers.set(path, all.add(onChange));
      return { close: () => void all.delete(onChange) };
    },
    onProblem: (problem) => void told.push(problem),
  });
  const write = (path: string, text: string): void => {
    files.set(path, text);
    for (const onChange of watchers.get(path) ?? []) onChange();
  };
  const place = (n: number, key: string) => ({
    file: "nodoff.yaml",
    line: n + 1,
    column: 3,
    key: `listen.tls.certificates.${n}.${key}`,
  });
  const pairs: CertificateFiles[] = names.map((name, n) => ({
    certFile: `/${name}.crt`,
    keyFile: `/${name}.key`,
    certAt: place(n, "cert_file"),
    keyAt: place(n, "key_file"),
  }));
  const put = (name: string, { cert, key }: Pair): void => {
    write(`/${name}.crt`, cert);
    write(`/${name}.key`, key);
  };
  const watched = (): number => [...watchers.values()].reduce((sum, { size }) => sum + size, 0);
  return { certificates, pairs, write, put, told, clock, logger, watched };
}

describe("certificates", () => {
  it("are found by exact name, then by wildcard for one label, in any case", () => {
    const { certificates, pairs, put } = openStage("app", "wild", "old");
    put("app", appPair);
    put("wild", wildPair);
    put("old", oldPair);
    certificates.update(pairs);
    const app = certificates.find("app.test");
    const wild = certificates.find("a.wild.test");
    assert.ok(app !== null && wild !== null && app !== wild);
    assert.equal(certificates.find("WWW.app.test"), app);
    assert.equal(certificates.find("wild.test"), wild);
    assert.equal(certificates.find("a.b.wild.test"), null);
    assert.ok(certificates.find("old.test") !== null, "a common name counts where there is no other");
    for (const host of ["test", "", ".wild.test", "app.test.", "*"]) assert.equal(certificates.find(host), null, host);
    assert.deepEqual(certificates.problems(), []);
  });

  it("come to the default at once and at each change of the first", () => {
    const { certificates, pairs, put, clock } = openStage("a", "b");
    const defaults: string[] = [];
    certificates.onDefault(({ cert }) => void defaults.push(cert));
    put("b", wildPair);
    certificates.update(pairs);
    assert.deepEqual(defaults, [wildPair.cert], "the first is missing");
    put("a", appPair);
    clock.advance(1_000);
    assert.deepEqual(defaults, [wildPair.cert, appPair.cert]);
    certificates.onDefault(({ cert }) => void defaults.push(`late ${cert}`));
    assert.equal(defaults.at(-1), `late ${appPair.cert}`);
  });

  it("are read again when both files had the time to change", () => {
    const { certificates, pairs, write, put, clock, told } = openStage("a");
    put("a", appPair);
    certificates.update(pairs);
    const before = certificates.find("app.test");
    write("/a.crt", wildPair.cert);
    clock.advance(900);
    write("/a.key", wildPair.key);
    clock.advance(900);
    assert.equal(certificates.find("app.test"), before);
    clock.advance(100);
    assert.equal(certificates.find("app.test"), null);
    assert.ok(certificates.find("x.wild.test") !== null);
    assert.deepEqual(told, []);
  });

  it("stay as they were while the new pair is broken, and say so at the key that names the file", () => {
    const { certificates, pairs, write, put, clock, told, logger } = openStage("a");
    put("a", appPair);
    certificates.update(pairs);
    const before = certificates.find("app.test");
    for (const [path, text, key, message] of [
      ["/a.crt", wildPair.cert, "key_file", '"/a.key" is not the key of "/a.crt"'],
      ["/a.crt", "rubbish", "cert_file", '"/a.crt" holds no certificate (PEM)'],
      ["/a.key", "rubbish", "cert_file", '"/a.crt" holds no certificate (PEM)'],
      ["/a.crt", appPair.cert, "key_file", '"/a.key" holds no private key (PEM) that can be read without a passphrase'],
    ] as const) {
      write(path, text);
      clock.advance(1_000);
      assert.deepEqual(
        certificates.problems().map((problem) => [problem.key, problem.message]),
        [[`listen.tls.certificates.0.${key}`, message]],
      );
      assert.equal(certificates.find("app.test"), before);
    }
    assert.equal(told.length, 4);
    const complaint = logger.lines.find(({ level }) => level === "error");
    assert.equal(complaint?.message, "certificate not reloaded: the one before stays");
    write("/a.key", appPair.key);
    clock.advance(1_000);
    assert.deepEqual(certificates.problems(), []);
  });

  it("that are missing leave the others alone", () => {
    const { certificates, pairs, put, told } = openStage("gone", "app");
    put("app", appPair);
    certificates.update(pairs);
    assert.ok(certificates.find("app.test") !== null);
    assert.deepEqual(told, [
      {
        file: "nodoff.yaml",
        line: 1,
        column: 3,
        key: "listen.tls.certificates.0.cert_file",
        message: '"/gone.crt" cannot be read',
      },
    ]);
  });

  it("are watched as long as the configuration names them", () => {
    const { certificates, pairs, put, watched } = openStage("a", "b");
    put("a", appPair);
    put("b", wildPair);
    certificates.update(pairs);
    const kept = certificates.find("app.test");
    assert.equal(watched(), 4);
    certificates.update(pairs.slice(0, 1));
    assert.equal(watched(), 2);
    assert.equal(certificates.find("app.test"), kept);
    assert.equal(certificates.find("x.wild.test"), null);
    certificates.close();
    assert.equal(watched(), 0);
  });
});
