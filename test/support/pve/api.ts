import type { Proxmox } from "proxmox-api";
import type { SimTask } from "./model.ts";
import { ApiError } from "./model.ts";
import { guestRoutes } from "./api-guests.ts";
import { demand } from "./route.ts";
import type { ApiDeps, Call, Route } from "./route.ts";
import { assumed } from "./timings.ts";
import { clusterRows, nodeRow } from "./views.ts";

/**
 * All paths nodoff may use, and the few that only tests need. Anything else is 501. Replies are typed by proxmox-api's
 * model of the API (that of 8.x; newer fields come on top): the simulator cannot drift from it unseen.
 */
export function createRoutes(deps: ApiDeps): readonly Route[] {
  const { cluster, access } = deps;
  const nodesOf = (): readonly Proxmox.nodesIndex[] => cluster.nodes.map((node) => nodeRow(node));
  return [
    {
      method: "GET",
      pattern: /^\/version$/,
      schema: {},
      tookMs: 5,
      run: (): Proxmox.versionVersion => ({ version: "9.1.6", release: "9.1", repoid: "0123456789abcdef" }),
    },
    {
      method: "GET",
      pattern: /^\/access\/domains$/,
      schema: {},
      tookMs: 5,
      open: true,
      run: (): Proxmox.accessDomainsIndex[] => access.realms.map((realm) => ({ realm, type: realm })),
    },
    {
      method: "POST",
      pattern: /^\/access\/ticket$/,
      schema: { username: { type: "string", required: true }, password: { type: "string", required: true } },
      tookMs: 30,
      open: true,
      run: ({ params: { username = "", password = "" } }): Proxmox.accessTicketCreateTicket => {
        const { ticket, csrf } = access.login(username, password);
        return { username, ticket, CSRFPreventionToken: csrf, cap: {}, clustername: "test" };
      },
    },
    {
      method: "GET",
      pattern: /^\/access\/permissions$/,
      schema: { path: { type: "string" }, userid: { type: "string" } },
      tookMs: 10,
      run: ({ who, params: { path = "/" } }) => ({
        [path]: Object.fromEntries([...access.rights(who, path)].map((right) => [right, 1])),
      }),
    },
    { method: "GET", pattern: /^\/nodes$/, schema: {}, tookMs: assumed.resourcesMs, run: nodesOf },
    {
      method: "GET",
      pattern: /^\/cluster\/resources$/,
      schema: { type: { type: "string", oneOf: ["vm", "storage", "node", "sdn"] } },
      tookMs: assumed.resourcesMs,
      run: ({ who, params }) => clusterRows({ ...deps, who, type: params["type"] }),
    },
    {
      method: "GET",
      pattern: /^\/cluster\/status$/,
      schema: {},
      tookMs: 10,
      // The model calls its switches boolean; they are sent as 1 and 0.
      run: ({ who }) => {
        demand(access, who, "/", "Sys.Audit");
        return [
          {
            type: "cluster",
            id: "cluster",
            name: "test",
            quorate: cluster.quorum ? 1 : 0,
            nodes: cluster.nodes.length,
          },
          ...cluster.nodes.map(({ name, downAt }, at) => ({
            type: "node",
            id: `node/${name}`,
            name,
            ip: `10.99.0.${at + 1}`,
            online: downAt === null ? 1 : 0,
          })),
        ];
      },
    },
    ...taskRoutes(deps),
    ...guestRoutes(deps),
  ];
}

function taskRoutes({ cluster, access }: ApiDeps): readonly Route[] {
  const userOf = (who: string): string => who.split("!")[0] ?? "";
  const describe = ({ upid, node, pid, pstart, startedS, type, id, user }: SimTask): Proxmox.nodesTasksNodeTasks => {
    const token = user.includes("!") ? { tokenid: user.split("!")[1] } : {};
    return { upid, node, pid, pstart, starttime: startedS, type, id, user: userOf(user), ...token };
  };
  const ended = ({ exit, endedS }: SimTask): object => (exit === null ? {} : { status: exit, endtime: endedS });
  /** A token sees its own, its user both, Sys.Audit all. */
  const sees = (who: string, task: { readonly user: string }, node: string): boolean =>
    task.user === who ||
    (who === userOf(task.user) && !who.includes("!")) ||
    access.may(who, `/nodes/${node}`, "Sys.Audit");
  const need = ({ who, path }: Call): SimTask => {
    const task = cluster.tasks.find(decodeURIComponent(path["upid"] ?? ""));
    if (task === undefined || task.vanished || task.node !== path["node"])
      throw new ApiError(400, "Parameter verification failed.", { upid: "no such task" });
    if (!sees(who, task, task.node))
      throw new ApiError(403, `Permission check failed (/nodes/${task.node}, Sys.Audit)`);
    return task;
  };
  return [
    {
      method: "GET",
      pattern: /^\/nodes\/(?<node>[^/]+)\/tasks$/,
      schema: {
        vmid: { type: "integer", min: 100 },
        source: { type: "string", oneOf: ["archive", "active", "all"] },
        limit: { type: "integer", min: 0 },
        start: { type: "integer", min: 0 },
        since: { type: "integer" },
        until: { type: "integer" },
        errors: { type: "boolean" },
        typefilter: { type: "string" },
        userfilter: { type: "string" },
        statusfilter: { type: "string" },
      },
      tookMs: 20,
      run: ({ who, path, params }): Proxmox.nodesTasksNodeTasks[] => {
        const { vmid, source = "archive", limit = "50" } = params;
        return cluster.tasks.all
          .filter((task) => task.node === path["node"] && (vmid === undefined || task.id === vmid))
          .filter((task) => (source === "active" ? task.exit === null : source === "all" || task.exit !== null))
          .filter((task) => !task.vanished && sees(who, task, task.node))
          .reverse()
          .slice(0, Number(limit))
          .map((task) => Object.assign(describe(task), ended(task)));
      },
    },
    {
      method: "GET",
      pattern: /^\/nodes\/(?<node>[^/]+)\/tasks\/(?<upid>[^/]+)\/status$/,
      schema: {},
      tookMs: 10,
      run: (call): Proxmox.nodesTasksStatusReadTaskStatus => {
        const task = need(call);
        const isLate = task.exit !== null && task.lateLooks > 0;
        if (isLate) task.lateLooks--;
        return {
          ...describe(task),
          status: task.exit === null ? "running" : "stopped",
          ...(task.exit !== null && { exitstatus: isLate ? "unexpected status" : task.exit }),
        };
      },
    },
    {
      method: "GET",
      pattern: /^\/nodes\/(?<node>[^/]+)\/tasks\/(?<upid>[^/]+)\/log$/,
      schema: { start: { type: "integer", min: 0 }, limit: { type: "integer", min: 0 }, download: { type: "boolean" } },
      tookMs: 10,
      run: (call): Proxmox.nodesTasksLogReadTaskLog[] => {
        const { log } = need(call);
        const start = Number(call.params["start"] ?? 0);
        const limit = Number(call.params["limit"] ?? 50);
        return log.map((t, at) => ({ n: at + 1, t })).slice(start, limit === 0 ? undefined : start + limit);
      },
    },
    {
      method: "DELETE",
      pattern: /^\/nodes\/(?<node>[^/]+)\/tasks\/(?<upid>[^/]+)$/,
      schema: {},
      tookMs: 10,
      run: (call) => {
        cluster.tasks.abort(need(call));
        return null;
      },
    },
  ];
}
