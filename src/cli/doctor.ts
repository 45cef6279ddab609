import { didYouMean } from "../config/suggest.ts";
import { openClient } from "./client.ts";
import { defineCommand } from "./command.ts";
import { examineEngines } from "./doctor/engines.ts";
import { Exam, type Route, Routes } from "./doctor/evidence.ts";
import { examine, type Examining } from "./doctor/examine.ts";
import { type Finding, proxies, type ProxyName } from "./doctor/finding.ts";
import { judge } from "./doctor/judge.ts";
import { likelyProxy } from "./doctor/proxy-of.ts";
import { examineStrangers } from "./doctor/strangers.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { clientOptions, jsonOption } from "./options.ts";
import { createPaint, type Paint, plain } from "./paint.ts";
import { exitCodes, type World } from "./world.ts";

/** Routes asked at the same time. */
const atOnce = 4;

/** What was found of one route. */
interface Examined {
  readonly route: string;
  readonly url: string;
  readonly proxy: ProxyName | null;
  readonly findings: readonly Finding[];
}

/** Asks through the public addresses whether the proxy is wired right. */
export const doctor = defineCommand({
  about:
    "Sends requests to the public address of each route, as a visitor would, and compares with what gets to nodoff. Says what is " +
    "wrong and the line that mends it. Wakes nothing and counts as no use, unless --wake is given: then what sleeps is woken " +
    "through the proxy, to see it handed over. Ends with 1 if something is wrong.",
  arguments: [{ name: "ALIAS", help: "routes to ask (all)", optional: true, many: true }],
  options: {
    via: { value: "URL", help: "where the proxy listens, instead of asking DNS for each host: https://10.0.0.2" },
    proxy: { value: "NAME", help: "traefik, caddy, nginx or haproxy, where it does not say itself" },
    header: { value: "TEXT", help: 'sent with each request, for a login before nodoff: "Cookie: …"' },
    wake: { help: "wake what sleeps, to see it handed over" },
    insecure: { help: "take any certificate for right" },
    ...clientOptions,
    ...jsonOption,
  },
  examples: ["doctor", "doctor blog --wake", "doctor --via http://127.0.0.1:8080 --proxy traefik"],
  async run({ args, options }, world) {
    const proxy = proxies.find((name) => name === options.proxy) ?? null;
    if (options.proxy !== undefined && proxy === null)
      throw usageFailure(`--proxy is one of ${proxies.join(", ")}, not "${options.proxy}"`, "doctor");
    const client = await openClient(options, world);
    const exam = await client.post("doctor", Exam);
    const { routes } = await client.get("routes", Routes);
    const { via, header } = { via: toVia(options.via), header: toHeader(options.header) };
    const { wake, insecure } = options;
    const examining: Examining = { client, exam, via, proxy, insecure, header, wake, stop: world.stop };
    const own = [await examineStrangers(client.base, exam, world.stop), ...(await examineEngines(client))];
    const examined = await examineAll(choose(routes, args), examining);
    const findings = [...own, ...examined.flatMap((one) => one.findings)];
    if (options.json) world.out(JSON.stringify({ nodoff: own, routes: examined }, null, 2));
    else for (const line of toText(client.base, own, examined, world)) world.out(line);
    return findings.some(({ result }) => result === "error") ? exitCodes.failed : exitCodes.done;
  },
});

function toVia(text: string | undefined): URL | null {
  if (text === undefined) return null;
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw usageFailure(`--via "${text}" is not a URL such as https://10.0.0.2`, "doctor");
}

function toHeader(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x20-\x7e]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw usageFailure(`--header "${text}" is not a header such as "Cookie: a=b"`, "doctor");
  return { [name.toLowerCase()]: value };
}

/** Routes that have a name people ask for. */
function choose(routes: readonly Route[], aliases: readonly string[]): readonly Route[] {
  const known = routes.map(({ alias }) => alias);
  for (const alias of aliases)
    if (!known.includes(alias)) throw new CommandFailure(`there is no route "${alias}"${didYouMean(alias, known)}`);
  const isPublic = ({ kind, hosts, excluded }: Route): boolean =>
    (kind === "http" || kind === "files") && !excluded && hosts.some((host) => host !== "*");
  const chosen = routes.filter(({ alias }) => aliases.length === 0 || aliases.includes(alias));
  const nameless = chosen.find((route) => aliases.length > 0 && !isPublic(route));
  if (nameless !== undefined) throw new CommandFailure(`${nameless.alias} has no public host to ask`);
  return chosen.filter(isPublic);
}

/** A few at a time, in their order. */
async function examineAll(routes: readonly Route[], examining: Examining): Promise<readonly Examined[]> {
  const examined: Examined[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let place = next++; place < routes.length; place = next++) {
      const route = routes[place];
      if (route === undefined) return;
      const evidence = await examine(route, place, examining);
      const { url } = evidence;
      examined[place] = { route: route.alias, url: url.href, proxy: likelyProxy(evidence), findings: judge(evidence) };
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, routes.length) }, work));
  return examined;
}

function toText(base: URL, own: readonly Finding[], examined: readonly Examined[], world: World): readonly string[] {
  const paint = createPaint(world);
  const errors = [...own, ...examined.flatMap(({ findings }) => findings)].filter(
    ({ result }) => result === "error",
  ).length;
  const wrong = `${errors} ${errors === 1 ? "thing is" : "things are"} wrong`;
  const all = examined.length === 0 ? noRoute : "everything is as it should be";
  return [
    `${paint("bold", "nodoff")}  ${base.href}`,
    ...own.flatMap((finding) => toLines(finding, paint)),
    ...examined.flatMap(({ route, url, proxy, findings }) => [
      `${paint("bold", route)}  ${url}${proxy === null ? "" : ` (${proxy})`}`,
      ...findings.flatMap((finding) => toLines(finding, paint)),
    ]),
    errors === 0 ? all : paint("red", wrong),
  ];
}

const noRoute =
  "there is no route with a public host: nodoff.enable=true on the app's container, nodoff.host where no other label names it";

const words = { ok: "ok", warning: "warning", error: "WRONG", skipped: "?" } as const;
const styles = { ok: "green", warning: "yellow", error: "red", skipped: "dim" } as const;

function toLines({ check, result, text, mend, lines }: Finding, paint: Paint): readonly string[] {
  const indent = " ".repeat(10);
  return [
    `  ${paint(styles[result], words[result].padEnd(7))} ${check.replace("_", "-")}: ${plain(text)}`,
    ...(mend === undefined ? [] : [`${indent}${mend}`]),
    ...(lines === undefined ? [] : [`${indent}in ${lines.where}:`, ...lines.lines.map((line) => `${indent}  ${line}`)]),
  ];
}
