import type { Clock } from "../../core/clock.ts";
import type { EngineHealth } from "../../core/provider.ts";
import type { Prober } from "../../core/prober.ts";
import { parseUpstream } from "../../core/route-context.ts";
import type { HealthSpec } from "../../core/spec.ts";
import type { Dialed } from "../../net/dialed.ts";
import { createAgentCheck, type HealthAgent } from "./agent.ts";
import { cannotCheck, type Check, type Finding } from "./check.ts";
import { createEngineCheck } from "./engine.ts";
import { createFilesCheck } from "./files.ts";
import { createHttpBodyCheck } from "./http-body.ts";
import { createHttpCheck, type HttpQuestion } from "./http.ts";
import { createTcpCheck } from "./tcp.ts";
import { createUdpCheck } from "./udp.ts";

/** What is checked, as it is at this moment. */
export interface Subject {
  /** Origin: `http://`, `https://`, `h2c://`, `tcp://` or `udp://`; null = not known. */
  readonly address: string | null;
  /** Host as the service is used to hear it; null = that of the address. */
  readonly host: string | null;
  readonly spec: HealthSpec;
  /** Folder of a file route. */
  readonly root?: string;
  /** What the engine's own check says; null = it cannot say. */
  readonly engineHealth?: () => EngineHealth | null;
  /** Who checks what is reachable only from there. */
  readonly agent?: HealthAgent;
}

export interface CheckDeps {
  readonly clock: Clock;
  readonly prober: Prober;
  /** Told of what is opened without the prober, so that it is not taken for use. */
  readonly dialed?: Pick<Dialed, "add">;
}

/** Makes checks. The one place that chooses: agent, engine, folder, then by the scheme of the address. */
export function createChecks({ clock, prober, dialed }: CheckDeps): (subject: Subject) => Check {
  const looks = new Map<string, Promise<Finding>>();

  function byAgent({ address, spec }: Subject, agent: HealthAgent): Check {
    const to = address === null ? null : parseUpstream(address);
    if (to === null) return cannot("no valid address");
    return createAgentCheck(clock, agent, { scheme: to.scheme, host: to.hostPort, path: spec.path });
  }

  function byAddress({ address, host, spec, root }: Subject): Check {
    if (root !== undefined) return createFilesCheck(clock, root, looks);
    if (address === null) return cannot("its address is not known");
    const to = parseUpstream(address);
    if (to === null) return cannot("no valid address");
    const { host: named, ...headers } = spec.headers;
    const question: HttpQuestion = { ...spec, headers, to, host: named ?? host };
    const socket = { host: to.host, port: to.port };
    switch (to.scheme) {
      case "http":
      case "https":
        return spec.body === null
          ? createHttpCheck(prober, question)
          : createHttpBodyCheck({ clock, dialed }, question);
      case "h2c":
        // HTTP/2 is 5 MB, and few are checked by it.
        return async (options) => (await import("./h2c.ts")).createH2cCheck({ clock, dialed }, question)(options);
      case "tcp":
        return createTcpCheck(prober, socket);
      case "udp":
        return createUdpCheck(clock, socket);
      default:
        return cannot(`cannot check ${to.scheme}`);
    }
  }

  return (subject) => {
    const { engineHealth, agent } = subject;
    if (agent !== undefined) return byAgent(subject, agent);
    const own = byAddress(subject);
    return engineHealth === undefined ? own : createEngineCheck(engineHealth, own);
  };
}

function cannot(why: string): Check {
  return () => Promise.resolve(cannotCheck(why));
}
