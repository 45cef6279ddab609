import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** A Docker engine that has any number of containers at no cost. nodoff talks to it as to the real one. */
export interface FakeEngine extends Disposable {
  /** For `providers.x.url`. */
  readonly url: string;
  /** Starts it was asked for. */
  readonly starts: number;
}

interface Container {
  readonly name: string;
  readonly id: string;
  running: boolean;
}

/** Listens on the Unix socket `path`; containers up for an hour already, or stopped, under the given names. */
export async function openFakeEngine(
  path: string,
  options: { readonly names: readonly string[]; readonly running: boolean },
): Promise<FakeEngine> {
  const containers = new Map<string, Container>();
  for (const [n, name] of options.names.entries()) {
    const container = { name, id: n.toString(16).padStart(64, "0"), running: options.running };
    containers.set(name, container).set(container.id, container);
  }
  const streams = new Set<ServerResponse>();
  const startedAt = new Date(Date.now() - 3_600_000).toISOString();
  let starts = 0;

  const start = (container: Container, res: ServerResponse): void => {
    starts++;
    container.running = true;
    const actor = { ID: container.id, Attributes: { name: container.name } };
    const event = { Type: "container", Action: "start", Actor: actor, timeNano: Date.now() * 1e6 };
    for (const stream of streams) stream.write(`${JSON.stringify(event)}\n`);
    res.writeHead(204).end();
  };
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    const path = (req.url ?? "/").replace(/^\/v[\d.]+/, "").replace(/\?.*/, "");
    if (path === "/version") return json(res, 200, { ApiVersion: "1.41", MinAPIVersion: "1.12" });
    if (path === "/events") {
      streams.add(res.on("close", () => streams.delete(res)));
      return res.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    }
    if (path === "/containers/json") return json(res, 200, [...new Set(containers.values())].map(toRow));
    const [, , name = "", verb] = path.split("/");
    const container = containers.get(name);
    if (container === undefined) return json(res, 404, { message: `no such container: ${name}` });
    if (verb === "json") return json(res, 200, toInspection(container, startedAt));
    if (verb === "start") return start(container, res);
    json(res, 500, { message: "the bench has no need of that" });
  };

  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    url: `unix://${path}`,
    get starts() {
      return starts;
    },
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function json(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function toRow({ id, name, running }: Container): object {
  return { Id: id, Names: [`/${name}`], State: running ? "running" : "exited", Status: "", Labels: {} };
}

function toInspection({ id, name, running }: Container, startedAt: string): object {
  return {
    Id: id,
    Name: `/${name}`,
    State: { Running: running, Paused: false, Restarting: false, ExitCode: 0, Error: "", StartedAt: startedAt },
    RestartCount: 0,
    Config: { Labels: {}, Tty: false, ExposedPorts: null },
    HostConfig: { AutoRemove: false, NetworkMode: "bridge", RestartPolicy: { Name: "unless-stopped" } },
    NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2", Gateway: "172.17.0.1" } }, Ports: {} },
  };
}
