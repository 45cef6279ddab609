import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";
import type { Cancel, Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";

/** Where a key of the configuration stands. */
interface KeyPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly key: string;
}

/** A certificate and its key, as files (PEM). */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly certAt: KeyPlace;
  readonly keyAt: KeyPlace;
}

/** What is wrong with a pair, at the key that names the file. */
export interface CertificateProblem extends KeyPlace {
  readonly message: string;
}

/** A certificate ready to be shown to clients. */
export interface Certificate {
  readonly pem: { readonly cert: string; readonly key: string };
  readonly context: SecureContext;
  /** Lower case; `*.x` is a wildcard. */
  readonly names: readonly string[];
  /** As the certificate says it. */
  readonly validTo: string;
}

/** The certificates of the TLS port, as their files are now. */
export interface Certificates {
  /** Reads what is new; what stays is kept. */
  update(files: readonly CertificateFiles[]): void;
  /** For a host that a client names: by exact name, then by wildcard; null = the default. */
  find(host: string): SecureContext | null;
  /** Told of the default, now if there is one and at each change: the first certificate that can be used. */
  onDefault(use: (pem: Certificate["pem"]) => void): void;
  /** What is wrong with the files as they are now; the certificate read before stays in use. */
  problems(): readonly CertificateProblem[];
  close(): void;
}

export interface CertificateDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** May throw. */
  readonly readFile: (path: string) => string;
  /** Calls back when the file has become another. */
  readonly watch: (path: string, onChange: () => void) => { close(): void };
  /** Learns of problems that come up while nodoff runs. */
  readonly onProblem: (problem: CertificateProblem) => void;
}

/** Certificate and key are replaced one after the other: a pair is read when both had the time. */
const settleMs = 1_000;

interface Entry {
  readonly id: string;
  certificate: Certificate | null;
  problem: CertificateProblem | null;
  readonly close: () => void;
}

/** Keeps the certificates in line with their files. A pair that is wrong is told, and what was read before stays. */
export function createCertificates(deps: CertificateDeps): Certificates {
  const { clock, logger } = deps;
  let entries: readonly Entry[] = [];
  let defaultId: SecureContext | null = null;
  let byName: ReadonlyMap<string, SecureContext> = new Map();
  const listeners: ((pem: Certificate["pem"]) => void)[] = [];

  function open(files: CertificateFiles): Entry {
    let cancel: Cancel = () => undefined;
    const onChange = (): void => {
      cancel();
      cancel = clock.after(settleMs, () => {
        read(entry, files);
        index();
      });
    };
    const watching = [files.certFile, files.keyFile].map((path) => deps.watch(path, onChange));
    const entry: Entry = {
      id: toId(files),
      certificate: null,
      problem: null,
      close() {
        cancel();
        for (const each of watching) each.close();
      },
    };
    read(entry, files);
    return entry;
  }

  function read(entry: Entry, files: CertificateFiles): void {
    const found = readCertificate(files, deps.readFile);
    if ("message" in found) {
      const { message, key, file, line } = found;
      const kept = entry.certificate !== null;
      logger.error(kept ? "certificate not reloaded: the one before stays" : "certificate not usable", {
        key,
        error: `${file}:${line} ${message}`,
      });
      entry.problem = found;
      return deps.onProblem(found);
    }
    const { names, validTo } = found;
    entry.problem = null;
    if (entry.certificate?.pem.cert === found.pem.cert && entry.certificate.pem.key === found.pem.key) return;
    entry.certificate = found;
    const isOver = Date.parse(validTo) < clock.wall();
    if (isOver) logger.warn("certificate has expired", { key: files.certAt.key, names, validTo });
    else logger.info("certificate loaded", { key: files.certAt.key, names, validTo });
  }

  function index(): void {
    const usable = entries.flatMap(({ certificate }) => certificate ?? []);
    const next = new Map<string, SecureContext>();
    // The first that has a name keeps it.
    for (const { names, context } of usable) for (const name of names) if (!next.has(name)) next.set(name, context);
    byName = next;
    const [first] = usable;
    if (first === undefined || first.context === defaultId) return;
    defaultId = first.context;
    for (const use of listeners) use(first.pem);
  }

  return {
    update(files) {
      const kept = new Map(entries.map((entry) => [entry.id, entry]));
      entries = files.map((each) => {
        const known = kept.get(toId(each));
        kept.delete(toId(each));
        return known ?? open(each);
      });
      for (const gone of kept.values()) gone.close();
      index();
    },
    find(host) {
      const name = host.toLowerCase();
      const exact = byName.get(name);
      if (exact !== undefined) return exact;
      // RFC 9525 section 6.3: a wildcard stands for one label.
      const dot = name.indexOf(".");
      return (dot > 0 ? byName.get(`*${name.slice(dot)}`) : undefined) ?? null;
    },
    onDefault(use) {
      listeners.push(use);
      const first = entries.find(({ certificate }) => certificate !== null)?.certificate;
      if (first) use(first.pem);
    },
    problems: () => entries.flatMap(({ problem }) => problem ?? []),
    close() {
      for (const entry of entries) entry.close();
      entries = [];
    },
  };
}

function toId(files: CertificateFiles): string {
  return JSON.stringify([files.certFile, files.keyFile, files.certAt, files.keyAt]);
}

/** Reads a pair and tries it, so that nothing is left to go wrong when a client comes. */
export function readCertificate(
  { certFile, keyFile, certAt, keyAt }: CertificateFiles,
  readFile: (path: string) => string,
): Certificate | CertificateProblem {
  const cert = attempt(() => readFile(certFile));
  if (cert === null) return { ...certAt, message: `"${certFile}" cannot be read` };
  const key = attempt(() => readFile(keyFile));
  if (key === null) return { ...keyAt, message: `"${keyFile}" cannot be read` };
  const x509 = attempt(() => new X509Certificate(cert));
  if (x509 === null) return { ...certAt, message: `"${certFile}" holds no certificate (PEM)` };
  const secret = attempt(() => createPrivateKey(key));
  if (secret === null)
    return { ...keyAt, message: `"${keyFile}" holds no private key (PEM) that can be read without a passphrase` };
  if (!x509.checkPrivateKey(secret)) return { ...keyAt, message: `"${keyFile}" is not the key of "${certFile}"` };
  const context = attempt(() => createSecureContext({ cert, key }));
  if (context === null)
    return { ...certAt, message: `"${certFile}" is refused by OpenSSL: key too small, or its chain is broken` };
  return { pem: { cert, key }, context, names: toNames(x509), validTo: x509.validTo };
}

function attempt<T>(run: () => T): T | null {
  try {
    return run();
  } catch {
    return null;
  }
}

/** The alternative names; of old certificates without any, the common name. */
function toNames({ subjectAltName, subject }: X509Certificate): readonly string[] {
  const alternatives = [...(subjectAltName ?? "").matchAll(/\bDNS:([^,"]+)/g)];
  const found = alternatives.length > 0 ? alternatives : [...subject.matchAll(/^CN=(.+)$/gm)];
  return found.map(([, name = ""]) => name.trim().toLowerCase());
}
