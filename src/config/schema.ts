import { z } from "zod";
import { noticeKinds } from "../core/notices.ts";
import { adminAddress, engineUrl, host, listenAddress, network, origin, trustedNetwork, url } from "./addresses.ts";
import { Route, Workload } from "./schema-workload.ts";
import { freeKeys, list, map, mapUnion, named, option } from "./shape.ts";
import { duration } from "./times.ts";
import { fingerprint, realmUser, tokenId } from "./values-proxmox.ts";
import { headerName, passwordHash } from "./values-admin.ts";
import {
  anyText,
  choice,
  flag,
  integer,
  path,
  pathPrefix,
  port,
  rate,
  scalarText,
  secret,
  size,
  text,
} from "./values.ts";

const Certificate = map({
  cert_file: text().describe("Certificate with its chain (PEM)"),
  key_file: text().describe("Its private key (PEM, without a passphrase)"),
});
const role = choice("viewer", "operator").describe("A viewer looks, an operator asks for things");

const Provider = mapUnion([
  option("docker", {
    url: engineUrl().describe("Default: DOCKER_HOST, else the socket").optional(),
    tls: map({
      ca_file: text().describe("CA of the engine's certificate").optional(),
      cert_file: text().describe("Client certificate").optional(),
      key_file: text().describe("Its key").optional(),
    }).optional(),
    discover: flag().describe("Whether labels declare workloads (default true)").optional(),
    labels: list(choice("nodoff", "godoxy", "dag", "sablier"))
      .describe("Whose labels are read (default: nodoff)")
      .optional(),
    match_domains: list(host()).describe("What short aliases in labels of GoDoxy are completed with").optional(),
    network: text().describe("Network whose address is used").optional(),
  }),
  option("process", {}),
  option("proxmox", {
    url: origin(["https"]).describe("A node, such as https://pve1:8006").optional(),
    urls: list(origin(["https"]))
      .describe("Several nodes of one cluster, tried in this order")
      .optional(),
    token_id: tokenId().describe("API token, such as nodoff@pve!wake").optional(),
    token_secret: secret().describe("The token's secret").optional(),
    token_secret_file: text().describe("File that holds the token's secret").optional(),
    username: realmUser().describe("Instead of a token: user with realm, such as nodoff@pve").optional(),
    password: secret().describe("Of username").optional(),
    password_file: text().describe("File that holds the password").optional(),
    ca_file: text().describe("The cluster's CA (/etc/pve/pve-root-ca.pem)").optional(),
    fingerprint: fingerprint().describe("SHA-256 of the node's certificate, instead of a CA").optional(),
    insecure: flag().describe("true accepts any certificate (default false)").optional(),
    discover: flag().describe("Whether tags and notes of guests declare workloads (default false)").optional(),
  }),
]);

const events = list(choice(...noticeKinds)).describe("What it is told of (default: all)");
const urlFile = text().describe("File that holds the url, where that is a secret").optional();
const tokenFile = text().describe("File that holds the token").optional();
const web = {
  url: url(["https", "http"]).describe("Where it is sent; it or url_file is required").optional(),
  url_file: urlFile,
};

const Notice = mapUnion([
  option("webhook", {
    ...web,
    headers: freeKeys(scalarText()).describe("May hold {{event}}, {{alias}} …").optional(),
    body: text().describe("Template with {{event}}, {{alias}}, {{message}} … (default: JSON)").optional(),
    secret: anyText().describe("Signs the body: X-Nodoff-Signature").optional(),
    secret_file: text().describe("File that holds the secret").optional(),
    events: events.optional(),
  }),
  option("ntfy", {
    ...web,
    token: secret().describe("Access token, where the topic needs one").optional(),
    token_file: tokenFile,
    events: events.optional(),
  }),
  option("gotify", {
    ...web,
    token: secret().describe("Token of the application; it or token_file is required").optional(),
    token_file: tokenFile,
    events: events.optional(),
  }),
  option("discord", { ...web, events: events.optional() }),
  option("slack", { ...web, events: events.optional() }),
  option("smtp", {
    url: url(["smtps", "smtp"]).describe("smtps://user:password@host:465; it or url_file is required").optional(),
    url_file: urlFile,
    from: text().describe("Sender"),
    to: list(text()).describe("Receivers"),
    events: events.optional(),
  }),
]);

const Admin = map({
  token: secret().describe("Bearer token of API and metrics").optional(),
  token_file: text().describe("File that holds the token").optional(),
  users: named(map({ password_hash: passwordHash().describe("As `nodoff hash-password` prints it"), role }))
    .describe("Who signs in with a password, by name")
    .optional(),
  trusted_header: map({
    name: headerName().describe("Header that names the person"),
    from: list(network()).describe("Proxies that may say so"),
    role: role.describe("What whoever it names may do (default viewer)").optional(),
  })
    .describe("Login by the proxy in front")
    .optional(),
  auth: choice("required", "none").describe("none: no login, only while listen.hook is loopback").optional(),
});

const Signals = map({
  caddy: map({ admin_url: adminAddress().describe("Its admin API: http://… or unix:///…") })
    .describe("Counts the open requests of each upstream in Caddy")
    .optional(),
  traefik: map({
    api_url: url(["https", "http"])
      .describe("Its API, such as http://traefik:8080: shows when it knows of a start")
      .optional(),
    idle_conn_timeout: duration(1000).describe("How long it keeps idle connections open (default 90s)").optional(),
  }).optional(),
  netns: map({ proc: path().describe("The host's /proc, where it is mounted elsewhere").optional() })
    .describe("Socket tables of workloads")
    .optional(),
  poll: duration(1000).describe("Longest time between two looks at what may sleep soon (default 10s)").optional(),
});

/** The whole of nodoff.yaml. Nothing has a default here: what is absent is filled in by `resolve.ts`. */
export const ConfigFile = map({
  listen: map({
    hook: listenAddress().describe("The hook, the API and the page channel (default 127.0.0.1:8090)").optional(),
    proxy: listenAddress().describe("nodoff's own proxy; closed unless set").optional(),
    accept_proxy_protocol: flag()
      .describe("Trusted peers of HTTP ports begin with a PROXY header, v1 or v2 (default false)")
      .optional(),
    fallback: listenAddress().describe("For Traefik's catch-all router; closed unless set").optional(),
    tls: map({
      address: listenAddress().describe("Where TLS is spoken"),
      certificates: list(Certificate).describe("Chosen by the host the client names; the first where none fits"),
      redirect: flag().describe("true sends clients of listen.proxy to https").optional(),
      redirect_port: port().describe("Port that clients see, where it is not the one of address").optional(),
    })
      .describe("The own proxy over TLS: HTTP/2 and HTTP/1.1")
      .optional(),
  })
    .describe("Addresses to listen on")
    .optional(),
  public_url: origin(["https", "http"]).describe("Public address of nodoff itself").optional(),
  base_path: pathPrefix().describe("Dashboard under a sub-path (default /)").optional(),
  state_dir: text().describe("Where the embedded store lives (default /var/lib/nodoff)").optional(),
  store: url(["redis", "rediss"]).nullable().describe("For several replicas (default null)").optional(),
  trusted_proxies: list(trustedNetwork())
    .describe("Whose forwarded headers are believed, and who may ask the hook (default loopback, container_networks)")
    .optional(),
  proxy_hops: integer(1, 100).describe("Proxies between client and nodoff (default 1)").optional(),
  unknown_host: choice("allow", "deny")
    .describe("Answer at the hook to hosts nobody declared (default allow)")
    .optional(),
  log: map({
    level: choice("debug", "info", "warn", "error").describe("What is logged at least (default info)").optional(),
    format: choice("auto", "pretty", "json")
      .describe("auto is pretty on a terminal, else json (default auto)")
      .optional(),
  })
    .describe("Logging")
    .optional(),
  access_log: map({
    path: text().describe("File, from the folder of nodoff.yaml, or stdout (default)").optional(),
    format: choice("combined", "json").describe("Default combined").optional(),
    max_size: size().describe("The file is put aside at this size (default 10MB)").optional(),
    keep: integer(1, 1000).describe("How many are kept (default 5)").optional(),
  })
    .describe("Notes the requests of nodoff's own proxy; off unless set")
    .optional(),
  admin: Admin.describe("Who may use API and dashboard").optional(),
  limits: map({
    waiters_per_workload: integer(1).describe("Callers held for one workload (default 1000)").optional(),
    waiters: integer(1).describe("Callers held in all (default 20000)").optional(),
    status_per_client: rate().describe("Questions of the page channel (default 20/10s)").optional(),
    logs_per_client: rate().describe("Questions for logs (default 5/10s)").optional(),
  })
    .describe("Caps on what strangers can cause")
    .optional(),
  metrics: map({ public: flag().describe("/metrics without the token (default false)").optional() }).optional(),
  // Emptied (`providers:` alone) is as good as absent, while `{}` says that there are none.
  providers: z
    .preprocess((value) => value ?? undefined, named(Provider).optional())
    .describe("Engines, by a free name")
    .optional(),
  signals: Signals.describe("Sources of activity that serve many workloads").optional(),
  defaults: Workload.describe("Keys every workload starts from").optional(),
  workloads: named(Workload).describe("What sleeps, by alias").optional(),
  routes: named(Route).describe("More doors to a workload, or doors that never sleep").optional(),
  notify: named(Notice).describe("Who is told of outages and failures, by a free name").optional(),
});

/** nodoff.yaml as parsed: durations in ms, sizes in bytes, hosts normalised. */
export type ConfigFile = z.infer<typeof ConfigFile>;
export type ProviderKeys = z.infer<typeof Provider>;
export type NoticeKeys = z.infer<typeof Notice>;

/** The JSON Schema (2020-12) of nodoff.yaml for editors. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(ConfigFile, {
    io: "input",
    override: ({ jsonSchema }) => {
      // Templates and notes: `x-*` is allowed wherever the loader ignores it.
      if (jsonSchema.additionalProperties === false) jsonSchema.patternProperties = { "^x-": true };
    },
  });
  return { ...schema, title: "nodoff.yaml" };
}
