import type { CallOptions, Client } from "./client.ts";
import type { Guest } from "./guest.ts";
import { PveError } from "./pve-error.ts";
import { needUpid } from "./tasks.ts";
import type { Upid } from "./upid.ts";

export type Command =
  | { readonly kind: "start" | "pause" | "suspend" | "resume" }
  /** `seconds` null: the guest's own, else 60. `force`: hard stop after that. */
  | { readonly kind: "shutdown"; readonly seconds: number | null; readonly force: boolean }
  /** `overrule`: ends a shutdown under way first. The HA manager refuses that. */
  | { readonly kind: "stop"; readonly overrule: boolean };

export interface Commands {
  /** Sends it once. Resolves with its task as soon as the node has begun it. */
  send(guest: Guest, command: Command, options: CallOptions): Promise<Upid>;
}

export function createCommands(client: Client): Commands {
  async function post(guest: Guest, command: Command, options: CallOptions): Promise<unknown> {
    const node = client.api(options).nodes.$(guest.node);
    const { status } = guest.type === "lxc" ? node.lxc.$(guest.vmid) : node.qemu.$(guest.vmid);
    switch (command.kind) {
      case "start":
        return status.start.$post();
      case "shutdown": {
        const { seconds, force } = command;
        return status.shutdown.$post({
          ...(seconds !== null && { timeout: seconds }),
          ...(force && { forceStop: true }),
        });
      }
      case "stop": {
        // Newer than the library's types.
        const stop = status.stop.$post as (params: Readonly<Record<string, boolean>>) => Promise<unknown>;
        return stop(command.overrule ? { "overrule-shutdown": true } : {});
      }
      case "pause":
        return node.qemu.$(guest.vmid).status.suspend.$post();
      case "suspend":
        return node.qemu.$(guest.vmid).status.suspend.$post({ todisk: true });
      case "resume":
        return status.resume.$post();
    }
  }

  return {
    async send(guest, command, options) {
      try {
        return needUpid(await post(guest, command, options));
      } catch (error) {
        // Before 8.2 there was no such parameter; it was refused before anything was done.
        const isOld = error instanceof PveError && error.errors["overrule-shutdown"] !== undefined;
        if (!isOld || command.kind !== "stop") throw error;
        return needUpid(await post(guest, { kind: "stop", overrule: false }, options));
      }
    },
  };
}
