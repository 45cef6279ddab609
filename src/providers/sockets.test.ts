import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { toSockets } from "./socket-table.ts";
import type { Socket } from "./socket-table.ts";
import { createOwnSockets, heldSockets, incoming, incomingTo } from "./sockets.ts";

let nextInode = 1;
const ends = (text: string): readonly [string, number] => {
  const at = text.lastIndexOf(":");
  return [text.slice(0, at), Number(text.slice(at + 1))];
};
const listening = (local: string, inode = String(nextInode++)): Socket => {
  const [address, port] = ends(local);
  return { state: "listening", address, port, peerAddress: "0.0.0.0", peerPort: 0, inode };
};
const established = (local: string, peer: string, inode = String(nextInode++)): Socket => {
  const [address, port] = ends(local);
  const [peerAddress, peerPort] = ends(peer);
  return { state: "established", address, port, peerAddress, peerPort, inode };
};

describe("connections in a network of its own", () => {
  it("are those to what listens, not those it opened", () => {
    const found = incoming([
      listening("0.0.0.0:80"),
      established("172.17.0.2:80", "172.17.0.1:5000"),
      established("172.17.0.2:6000", "172.17.0.9:5432"),
    ]);
    assert.deepEqual(found, [{ port: 80, peer: "172.17.0.1:5000" }]);
  });

  it("over IPv6 show the peer in brackets; a listener on :: takes IPv4 too", () => {
    const found = incoming([
      listening(":::80"),
      established("2001:db8::2:80", "2001:db8::1:5000"),
      established("172.17.0.2:80", "172.17.0.1:5001"),
    ]);
    assert.deepEqual(found, [
      { port: 80, peer: "[2001:db8::1]:5000" },
      { port: 80, peer: "172.17.0.1:5001" },
    ]);
  });

  it("are no use when both ends are inside", () => {
    const found = incoming([
      listening("0.0.0.0:80"),
      listening(":::81"),
      established("127.0.0.1:80", "127.0.0.1:5000"),
      established("::1:81", "::1:5000"),
      established("172.17.0.2:80", "172.17.0.2:5001"),
    ]);
    assert.deepEqual(found, []);
  });

  it("are not mistaken where an outgoing one has the number of a port that listens elsewhere", () => {
    // The engine's name server listens on such a port inside of each container.
    const found = incoming([
      listening("127.0.0.11:40000"),
      listening("172.18.0.2:9000"),
      established("172.17.0.2:40000", "172.17.0.9:5432"),
      established("172.17.0.2:9000", "172.17.0.9:5432"),
      established("172.18.0.2:9000", "172.18.0.9:5432"),
    ]);
    assert.deepEqual(found, [{ port: 9000, peer: "172.18.0.9:5432" }]);
  });
});

describe("connections in a network shared with others", () => {
  const others = [listening("0.0.0.0:22", "ssh"), established("10.0.0.1:22", "10.0.0.9:5000", "login")];

  it("are those to what its processes listen on, over loopback too", () => {
    const own = createOwnSockets(() => new Set(["mine"]));
    const found = own.incoming([
      ...others,
      listening("127.0.0.1:80", "mine"),
      established("127.0.0.1:80", "127.0.0.1:5000", "accepted"),
      established("127.0.0.1:5000", "127.0.0.1:80", "somebody's"),
    ]);
    assert.deepEqual(found, [{ port: 80, peer: "127.0.0.1:5000" }]);
  });

  it("are no use when it holds both ends", () => {
    const own = createOwnSockets(() => new Set(["mine", "accepted", "also mine"]));
    const found = own.incoming([
      listening("127.0.0.1:80", "mine"),
      established("127.0.0.1:80", "127.0.0.1:5000", "accepted"),
      established("127.0.0.1:5000", "127.0.0.1:80", "also mine"),
    ]);
    assert.deepEqual(found, []);
  });

  it("ask who holds a socket once, and again only for a new one", () => {
    let asked = 0;
    const held = new Set(["mine"]);
    const own = createOwnSockets(() => {
      asked++;
      return held;
    });
    const table = [...others, listening("0.0.0.0:80", "mine")];
    own.incoming(table);
    own.incoming(table);
    assert.equal(asked, 1);
    held.add("second");
    const more = [...table, listening("0.0.0.0:81", "second"), established("10.0.0.1:81", "10.0.0.9:7", "new")];
    assert.deepEqual(own.incoming(more), [{ port: 81, peer: "10.0.0.9:7" }]);
    assert.equal(asked, 2);
  });

  it("are those to the ports it names where nothing better is known", () => {
    const table = [...others, listening("0.0.0.0:80"), established("127.0.0.1:80", "127.0.0.1:5000")];
    assert.deepEqual(incomingTo(table, [80]), [{ port: 80, peer: "127.0.0.1:5000" }]);
  });
});

describe("sockets a process holds", { skip: process.platform !== "linux" && "no /proc" }, () => {
  it("are found by its open files; who is gone holds none", async (t) => {
    const server = createServer().listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const sockets = toSockets(readFileSync("/proc/self/net/tcp", "utf8"));
    const mine = sockets.find((socket) => socket.state === "listening" && socket.port === port);
    assert.ok(mine && heldSockets("/proc", [process.pid, 2 ** 30]).has(mine.inode));
    assert.deepEqual(heldSockets("/proc", [2 ** 30]), new Set());
  });
});
