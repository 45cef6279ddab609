import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";

/** A certificate made at start, signed by itself, as a fresh Proxmox VE node has none that anybody knows. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** SHA-256, `AA:BB:…`. */
  readonly fingerprint: string;
}

/** For these names and addresses, valid for ten years around `now` (or only before it). */
export function createCertificate(
  names: readonly string[],
  { now = Date.now(), expired = false }: { readonly now?: number; readonly expired?: boolean } = {},
): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = certificate(names, { publicKey, privateKey, now, expired });
  const cert = `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replaceAll(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`;
  const hex = createHash("sha256").update(new X509Certificate(cert).raw).digest("hex").toUpperCase();
  return {
    cert,
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    fingerprint: hex.replaceAll(/(..)(?=.)/g, "$1:"),
  };
}

interface Material {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly now: number;
  readonly expired: boolean;
}

/** RFC 5280: tbsCertificate, algorithm, signature. */
function certificate(names: readonly string[], { publicKey, privateKey, now, expired }: Material): Buffer {
  const year = 365 * 86_400_000;
  const algorithm = sequence(oid([42, 134, 72, 206, 61, 4, 3, 2]));
  const subject = sequence(set(sequence(oid([85, 4, 3]), tlv(12, Buffer.from(names[0] ?? "")))));
  const validity = sequence(time(now - 5 * year), time(expired ? now - year : now + 5 * year));
  const alternatives = sequence(...names.map(alternative));
  const extensions = sequence(
    sequence(oid([85, 29, 19]), tlv(4, sequence(tlv(1, Buffer.from([255]))))),
    sequence(oid([85, 29, 17]), tlv(4, alternatives)),
  );
  const body = sequence(
    tlv(0xa0, tlv(2, Buffer.from([2]))),
    tlv(2, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    subject,
    validity,
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, extensions),
  );
  const signature = sign("sha256", body, privateKey);
  return sequence(body, algorithm, tlv(3, Buffer.concat([Buffer.from([0]), signature])));
}

function alternative(name: string): Buffer {
  if (isIP(name) === 4) return tlv(0x87, Buffer.from(name.split(".").map(Number)));
  return tlv(0x82, Buffer.from(name));
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function set(part: Buffer): Buffer {
  return tlv(0x31, part);
}

function oid(bytes: readonly number[]): Buffer {
  return tlv(6, Buffer.from(bytes));
}

/** UTCTime. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]/g, "").slice(2, 14);
  return tlv(0x17, Buffer.from(`${text}Z`));
}
