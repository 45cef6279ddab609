import { createServer } from "node:http";
import type { Cluster } from "./cluster.ts";
import type { SimGuest } from "./model.ts";

/** What goes on inside a guest once its power is on. */
export interface Lifecycle {
  /** It begins to boot (or, `alreadyUp`, has long booted). */
  poweredOn(guest: SimGuest, options?: { readonly alreadyUp?: boolean }): void;
  /** It is off. Whatever it had under way is over. */
  poweredOff(guest: SimGuest): Promise<void>;
  frozen(guest: SimGuest): Promise<void>;
  thawed(guest: SimGuest): void;
}

/** What browsers get of an app inside. */
const page = `<!doctype html><p id="app">app</p><p id="url"></p><script>url.textContent = location.href</script>`;

export function createLifecycle(cluster: Cluster): Lifecycle {
  const { clock } = cluster;

  function listen(guest: SimGuest): void {
    const { listener } = guest;
    if (listener === null || listener.server !== null) return;
    const server = createServer((request, response) => {
      listener.requests++;
      request.resume();
      const isPage = request.headers.accept?.startsWith("text/html") === true;
      response.setHeader("content-type", isPage ? "text/html" : "application/json");
      response.end(isPage ? page : JSON.stringify({ vmid: guest.vmid, node: guest.node, url: request.url }));
    });
    listener.server = server;
    server.listen(listener.port, listener.host);
  }

  async function hush({ listener }: SimGuest): Promise<void> {
    const server = listener?.server ?? null;
    if (listener === null || server === null) return;
    listener.server = null;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async function poweredOff(guest: SimGuest): Promise<void> {
    guest.generation++;
    guest.power = "stopped";
    guest.startedAt = null;
    guest.pausedAt = null;
    guest.pausedMs = 0;
    guest.addressAt = Number.POSITIVE_INFINITY;
    guest.agentAt = Number.POSITIVE_INFINITY;
    await hush(guest);
  }

  return {
    poweredOn(guest, { alreadyUp = false } = {}) {
      const generation = ++guest.generation;
      const now = clock.now();
      const isLxc = guest.type === "lxc";
      guest.power = "running";
      guest.startedAt = alreadyUp ? now - 3_600_000 : now;
      guest.starts += alreadyUp ? 0 : 1;
      guest.agentAt = alreadyUp ? now : now + cluster.time(guest, "vmAgentMs");
      guest.addressAt = alreadyUp || !isLxc ? guest.agentAt : now + cluster.time(guest, "lxcAddressMs");
      if (alreadyUp && isLxc) guest.addressAt = now;
      const serviceMs = alreadyUp ? 0 : cluster.time(guest, isLxc ? "lxcServiceMs" : "vmServiceMs");
      clock.after(serviceMs, () => {
        if (guest.generation === generation && guest.power === "running") listen(guest);
      });
      const { crashAfterMs } = guest;
      if (crashAfterMs === null || alreadyUp) return;
      clock.after(crashAfterMs, () => {
        if (guest.generation === generation) void poweredOff(guest);
      });
    },
    poweredOff,
    async frozen(guest) {
      guest.power = "paused";
      guest.pausedAt = clock.now();
      await hush(guest);
    },
    thawed(guest) {
      guest.power = "running";
      guest.pausedMs += clock.now() - (guest.pausedAt ?? clock.now());
      guest.pausedAt = null;
      listen(guest);
    },
  };
}
