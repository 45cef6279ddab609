import type { Report } from "./findings.ts";
import type { ProviderDeps } from "./resolve-providers.ts";
import type { ProviderKeys } from "./schema.ts";
import type { ProxmoxProviderConfig } from "./types.ts";

type Keys = ProviderKeys & { type: "proxmox" };

/** One cluster; nothing (and a finding) where the keys do not make one. */
export function toProxmox(name: string, keys: Keys, deps: ProviderDeps): readonly ProxmoxProviderConfig[] {
  const report: Report = (path, message) => deps.report(["providers", name, ...path], message);
  const secretOf = (key: "token_secret" | "password"): string | undefined => {
    const file = keys[`${key}_file`];
    if (file === undefined) return keys[key];
    if (keys[key] !== undefined) report([`${key}_file`], `give either "${key}" or "${key}_file"`);
    return deps.readSecret(file, (message) => report([`${key}_file`], message)) ?? undefined;
  };
  if (keys.url !== undefined && keys.urls !== undefined) report(["urls"], `give either "url" or "urls"`);
  const origins = keys.urls ?? (keys.url === undefined ? [] : [keys.url]);
  if (origins.length === 0) report([], `needs "url", such as https://pve1:8006`);
  const credentials = toCredentials(keys, secretOf, report);
  const trust = toTrust(name, keys, deps);
  if (origins.length === 0 || credentials === null || trust === null) return [];
  return [{ type: "proxmox", name, origins, credentials, trust, discover: keys.discover ?? false }];
}

function toCredentials(
  keys: Keys,
  secretOf: (key: "token_secret" | "password") => string | undefined,
  report: Report,
): ProxmoxProviderConfig["credentials"] | null {
  const { token_id: id, username } = keys;
  const secret = secretOf("token_secret");
  const password = secretOf("password");
  if (id !== undefined && username !== undefined) report(["username"], `give either "token_id" or "username"`);
  if (id !== undefined) {
    if (secret !== undefined) return { kind: "token", id, secret };
    if (keys.token_secret_file === undefined) report(["token_id"], `needs "token_secret" or "token_secret_file"`);
    return null;
  }
  if (username !== undefined) {
    if (password !== undefined) return { kind: "login", username, password };
    if (keys.password_file === undefined) report(["username"], `needs "password" or "password_file"`);
    return null;
  }
  report([], `needs "token_id" and "token_secret" (or "username" and "password")`);
  return null;
}

function toTrust(name: string, keys: Keys, deps: ProviderDeps): ProxmoxProviderConfig["trust"] | null {
  const report: Report = (path, message) => deps.report(["providers", name, ...path], message);
  const { ca_file: file, fingerprint, insecure = false } = keys;
  const given = [file !== undefined && "ca_file", fingerprint !== undefined && "fingerprint", insecure && "insecure"];
  const [first, second] = given.filter((key) => key !== false);
  if (first !== undefined && second !== undefined)
    report([second], `"${first}" is given too: only one of them can count`);
  if (file !== undefined) {
    const ca = deps.readSecret(file, (message) => report(["ca_file"], message));
    if (ca !== null && !ca.includes("-----BEGIN CERTIFICATE-----"))
      report(["ca_file"], `"${file}" holds no certificate (PEM)`);
    return ca === null ? null : { kind: "ca", ca };
  }
  if (fingerprint !== undefined) return { kind: "fingerprint", fingerprint };
  if (insecure) {
    const text = "anybody on the way can read the token and answer for the cluster: use ca_file or fingerprint";
    deps.warn(["providers", name, "insecure"], text);
  }
  return { kind: insecure ? "insecure" : "system" };
}
