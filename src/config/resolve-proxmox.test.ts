import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatConfigError, loadConfig } from "./load.ts";
import { readLabels } from "./labels.ts";
import type { Config } from "./types.ts";

const pem = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----";
const files: Readonly<Record<string, string>> = { "ca.pem": pem, "empty.pem": "hello", "/run/secret": "s3cret\n" };
const access = `url: "https://pve1:8006", token_id: "nodoff@pve!wake", token_secret: s`;

function load(text: string): ReturnType<typeof loadConfig> {
  const readFile = (path: string): string => {
    if (path === "nodoff.yaml") return text;
    const found = files[path];
    if (found === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    return found;
  };
  return loadConfig({ file: "nodoff.yaml", env: {}, readFile });
}

function configOf(text: string): Config {
  const result = load(text);
  assert.ok(result.ok, result.ok ? "" : result.errors.map(formatConfigError).join("\n"));
  return result.config;
}

function errorsOf(text: string): readonly string[] {
  const result = load(text);
  return result.ok ? [] : result.errors.map((error) => formatConfigError(error).replace(/^\S+ /, ""));
}

const provider = (keys: string): string => `providers: { pve: { type: proxmox, ${keys} } }\n`;
const only = (text: string): Config["providers"][number] => {
  const [found] = configOf(text).providers;
  assert.ok(found);
  return found;
};

describe("a provider of type proxmox", () => {
  it("takes a token, and trusts what the machine trusts", () => {
    assert.deepEqual(only(provider(access)), {
      type: "proxmox",
      name: "pve",
      origins: ["https://pve1:8006"],
      credentials: { kind: "token", id: "nodoff@pve!wake", secret: "s" },
      trust: { kind: "system" },
      discover: false,
    });
  });

  it("takes several addresses, a login and secrets from files", () => {
    const found = only(
      provider(
        `urls: ["https://a:8006", "https://b:8006"], username: root@pam, password_file: /run/secret, ca_file: ca.pem`,
      ),
    );
    assert.ok(found.type === "proxmox");
    assert.deepEqual(found.origins, ["https://a:8006", "https://b:8006"]);
    assert.deepEqual(found.credentials, { kind: "login", username: "root@pam", password: "s3cret" });
    assert.deepEqual(found.trust, { kind: "ca", ca: pem });
  });

  it("keeps a fingerprint as the node shows it", () => {
    const found = only(provider(`${access}, fingerprint: ${"ab".repeat(32)}`));
    assert.ok(found.type === "proxmox" && found.trust.kind === "fingerprint");
    assert.equal(found.trust.fingerprint, Array(32).fill("AB").join(":"));
  });

  it("warns about insecure", () => {
    const { warnings } = configOf(provider(`${access}, insecure: true`));
    assert.match(warnings.map(({ message }) => message).join(), /anybody on the way can read the token/);
  });

  const wrong: readonly (readonly [string, string])[] = [
    [`token_id: "a@pve!b", token_secret: s`, 'providers.pve: needs "url", such as https://pve1:8006'],
    [`url: "https://pve1:8006"`, 'providers.pve: needs "token_id" and "token_secret" (or "username" and "password")'],
    [`url: "https://p", token_id: "a@pve!b"`, 'providers.pve.token_id: needs "token_secret" or "token_secret_file"'],
    [`url: "https://p", username: a@pam`, 'providers.pve.username: needs "password" or "password_file"'],
    [
      `url: "https://p", username: root, password: x`,
      'providers.pve.username: "root" is not a user with its realm such as root@pam (did you mean "root@pam"?)',
    ],
    [
      `url: "https://p", token_id: nodoff@pve, token_secret: s`,
      'providers.pve.token_id: "nodoff@pve" is not the id of an API token such as nodoff@pve!wake (user@realm!name)',
    ],
    [`${access}, username: a@pam, password: x`, 'providers.pve.username: give either "token_id" or "username"'],
    [`${access}, urls: ["https://p"]`, 'providers.pve.urls: give either "url" or "urls"'],
    [
      `${access}, ca_file: ca.pem, insecure: true`,
      'providers.pve.insecure: "ca_file" is given too: only one of them can count',
    ],
    [`${access}, ca_file: empty.pem`, 'providers.pve.ca_file: "empty.pem" holds no certificate (PEM)'],
    [`${access}, ca_file: none.pem`, 'providers.pve.ca_file: "none.pem" cannot be read: no such file'],
    [
      `${access}, fingerprint: "AA:BB"`,
      'providers.pve.fingerprint: "AA:BB" is not a SHA-256 fingerprint (32 pairs such as AA:BB:…; `pvenode cert info` shows it)',
    ],
  ];
  for (const [keys, expected] of wrong) it(expected, () => assert.deepEqual(errorsOf(provider(keys)), [expected]));
});

describe("guests as workloads", () => {
  const guests = (keys: string): string => `${provider(access)}workloads: { g: { ${keys} } }\n`;
  const refOf = (keys: string): string | undefined => configOf(guests(keys)).workloads[0]?.ref;

  it("are named by id, by name, or by name and node", () => {
    assert.equal(refOf("lxc: 100"), "lxc/100");
    assert.equal(refOf("lxc: web"), "lxc/web");
    assert.equal(refOf("vm: web, node: pve1"), "vm/web@pve1");
    assert.equal(refOf("vm: 101, node: pve1"), "vm/101", "an id is its own wherever it is");
  });

  it("have the stop methods of their kind", () => {
    assert.equal(configOf(guests("vm: 101, stop_method: suspend")).workloads[0]?.stopMethod, "suspend");
    assert.deepEqual(errorsOf(guests("lxc: 100, stop_method: pause")), [
      'workloads.g.stop_method: "pause" is not possible here (stop, kill)',
    ]);
  });

  it("do not take over a default they cannot carry out", () => {
    const text = `defaults: { stop_method: pause }\n${provider(access)}workloads: { c: { lxc: 100 }, v: { vm: 101 } }\n`;
    assert.deepEqual(
      configOf(text).workloads.map(({ stopMethod }) => stopMethod),
      ["stop", "pause"],
    );
  });

  it("need a provider that has such", () => {
    assert.deepEqual(errorsOf("workloads: { g: { lxc: 100 } }\n"), [
      'workloads.g.lxc: needs a provider of type proxmox under "providers"',
    ]);
    assert.deepEqual(errorsOf(guests("lxc: 100, vm: 100")), [
      'workloads.g.vm: "lxc" is given too: only one of them can be what sleeps',
    ]);
    assert.deepEqual(errorsOf(`workloads: { g: { container: a, node: pve1 } }\n`), [
      "workloads.g.node: has no meaning for a container",
    ]);
  });
});

describe("a route to a node", () => {
  it("names it, and has no workload", () => {
    const text = `${provider(access)}routes: { ui: { host: pve.x, node: pve1, upstream: "https://pve1:8006" } }\n`;
    assert.equal(configOf(text).routes[0]?.node, "pve1");
    assert.equal(configOf(text).routes[0]?.workload, null);
  });

  it("needs a provider that has nodes", () => {
    assert.deepEqual(errorsOf(`routes: { ui: { host: pve.x, node: pve1, upstream: "https://pve1:8006" } }\n`), [
      'routes.ui.node: needs a provider of type proxmox under "providers"',
    ]);
  });
});

describe("labels of a guest", () => {
  const read = (labels: Readonly<Record<string, string>>, kind: "lxc" | "vm" = "lxc"): ReturnType<typeof readLabels> =>
    readLabels({
      labels: { "nodoff.enable": "true", ...labels },
      containerName: "web",
      target: { kind, ref: `${kind}/100` },
      provider: "pve",
      defaults: { stop_method: "pause" },
      publicUrl: null,
    });

  it("make a workload of its kind, called by the guest's name", () => {
    const found = read({ "nodoff.idle_timeout": "15m", "nodoff.host": "web.example.com", "nodoff.port": "80" });
    assert.ok(found.kind === "spec");
    const { alias, kind, ref, idleTimeoutMs, stopMethod } = found.workload;
    assert.deepEqual(
      { alias, kind, ref, idleTimeoutMs, stopMethod },
      { alias: "web", kind: "lxc", ref: "lxc/100", idleTimeoutMs: 900_000, stopMethod: "stop" },
    );
  });

  it("may suspend a VM, not a container", () => {
    assert.equal(read({ "nodoff.stop_method": "suspend" }, "vm").kind, "spec");
    assert.equal(read({ "nodoff.stop_method": "suspend" }).kind, "invalid");
  });
});
