import type { Clock } from "../core/clock.ts";
import type { InFlight } from "../core/in-flight.ts";
import type { Signal } from "../core/signal.ts";
import type { Dialed } from "../net/dialed.ts";
import { createCaddyUpstreams } from "./caddy-upstreams.ts";
import { createConnectionsSignal } from "./connections.ts";
import { createCpuSignal } from "./cpu.ts";
import { createExecSessionsSignal } from "./exec-sessions.ts";
import { createInFlightSignal } from "./in-flight.ts";
import { createNetworkSignal } from "./network.ts";
import { createExecProbeSignal } from "./probe-exec.ts";
import { createHttpProbeSignal } from "./probe-http.ts";
import { createRequestsSignal } from "./requests.ts";
import { createResolve } from "./resolve.ts";
import { createSamples, type Samples } from "./samples.ts";
import { createSockets } from "./sockets.ts";

/** Read at each use: a reload may change them. */
export interface SignalSettings {
  /** `http://host:port`, or `unix:///path` of its socket; null = no Caddy. */
  readonly caddy: { readonly adminUrl: string } | null;
  /** How long a proxy keeps an idle connection to an app open; 0 = it keeps none. */
  readonly poolIdleMs: number;
}

export interface SignalsDeps {
  readonly clock: Clock;
  readonly inFlight: Pick<InFlight, "count">;
  /** What nodoff itself opens to workloads. */
  readonly dialed: Dialed;
  /** Told of what others of us ask workloads; default: of nothing. */
  readonly samples?: Samples;
  settings(): SignalSettings;
}

/** Every activity signal there is. They hold no connection and no timer between two calls. */
export function createSignals({ clock, inFlight, dialed, settings, ...deps }: SignalsDeps): readonly Signal[] {
  const samples = deps.samples ?? createSamples({ clock });
  const caddy = createCaddyUpstreams(
    { clock, resolve: createResolve({ clock }) },
    () => settings().caddy?.adminUrl ?? "",
  );
  return [
    createRequestsSignal({ clock }),
    createInFlightSignal({ clock, inFlight }),
    createConnectionsSignal({
      clock,
      samples,
      sockets: createSockets({ clock, dialed }),
      caddy: () => (settings().caddy === null ? null : caddy),
      poolIdleMs: () => settings().poolIdleMs,
    }),
    createNetworkSignal({ clock, samples }),
    createCpuSignal({ clock, samples }),
    createExecSessionsSignal({ clock }),
    createHttpProbeSignal({ clock, samples, dialed }),
    createExecProbeSignal({ clock }),
  ];
}
