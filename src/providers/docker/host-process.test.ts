import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { findHostProcess } from "./host-process.ts";
import type { HostProcess } from "./host-process.ts";
import type { RawContainer } from "./raw.ts";

const id = "e".repeat(64);
const raw = (more: Partial<RawContainer> = {}): RawContainer => ({
  Id: id,
  State: { Running: true, Pid: 77 },
  ...more,
});

interface Machine {
  write(files: Readonly<Record<string, string>>): void;
  find(more?: Partial<RawContainer>): HostProcess | undefined;
}

/** Folders that stand in for /proc and /sys/fs/cgroup; `proc/77` is the container's process. */
function machine(t: TestContext, files: Readonly<Record<string, string>> = {}): Machine {
  const root = mkdtempSync(join(tmpdir(), "ndtest-host-"));
  t.after(() => rmSync(root, { recursive: true }));
  const write: Machine["write"] = (more) => {
    for (const [path, text] of Object.entries(more)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  };
  write({ "proc/77/cgroup": v2, "proc/77/net/dev": dev, ...files });
  const paths = { proc: join(root, "proc"), cgroup: join(root, "cgroup") };
  return { write, find: (more) => findHostProcess(paths, raw(more)) };
}

const v2 = `0::/system.slice/docker-${id}.scope\n`;
const v1 = `9:name=systemd:/docker/${id}\n4:memory:/docker/${id}\n2:cpu,cpuacct:/docker/${id}/inner\n0::/docker/${id}\n`;
const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    9999       9    0    0    0     0          0         0     9999       9    0    0    0     0       0          0
  eth0: 1000       2    0    0    0     0          0         0      500       3    0    0    0     0       0          0
  eth1:      10       2    0    0    0     0          0         0        5       3    0    0    0     0       0          0
`;
const accounts = (folder: string, usage = 2_500_000): Record<string, string> => ({
  [`cgroup/${folder}/cpu.stat`]: `usage_usec ${usage}\nuser_usec 1\n`,
  [`cgroup/${folder}/memory.current`]: "9000\n",
  [`cgroup/${folder}/memory.stat`]: "anon 1\ninactive_file 1000\nactive_file 3\n",
});

describe("a container's process on this machine", () => {
  it("is one that names the container, in its control group or by the files mounted into it", (t) => {
    assert.ok(machine(t).find());
    const mounts = `91 74 254:0 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/vda rw\n`;
    assert.ok(machine(t, { "proc/77/cgroup": "0::/\n", "proc/77/mountinfo": mounts }).find());
  });

  it("is not another one that happens to have its number", (t) => {
    const other = `0::/system.slice/docker-${"f".repeat(64)}.scope\n`;
    assert.equal(machine(t, { "proc/77/cgroup": other }).find(), undefined);
    // What the machine itself has mounted names every container.
    const host = `91 74 254:0 / /var/lib/docker/containers/${id}/mounts/shm rw - tmpfs shm rw\n`;
    assert.equal(machine(t, { "proc/77/cgroup": "0::/\n", "proc/77/mountinfo": host }).find(), undefined);
    assert.equal(machine(t).find({ State: { Running: false, Pid: 0 } }), undefined);
    assert.equal(machine(t).find({ State: { Running: true, Pid: 78 } }), undefined);
  });

  it("is current until its number is another's", (t) => {
    const { write, find } = machine(t);
    const found = find();
    assert.equal(found?.isCurrent(), true);
    write({ "proc/77/cgroup": "0::/init.scope\n" });
    assert.equal(found?.isCurrent(), false);
  });
});

describe("counters of the machine", () => {
  it("are read from cgroup v2", (t) => {
    const { find } = machine(t, accounts(`system.slice/docker-${id}.scope`));
    assert.deepEqual(find()?.counters(), { rxBytes: 1010, txBytes: 505, cpuMs: 2_500, memoryBytes: 8_000 });
  });

  it("are read from cgroup v1, of the container as a whole", (t) => {
    const { find } = machine(t, {
      "proc/77/cgroup": v1,
      [`cgroup/cpu,cpuacct/docker/${id}/cpuacct.usage`]: "7000000\n",
      [`cgroup/memory/docker/${id}/memory.usage_in_bytes`]: "9000\n",
      [`cgroup/memory/docker/${id}/memory.stat`]: "inactive_file 1\ntotal_inactive_file 4000\n",
      ...accounts(`unified/docker/${id}`),
    });
    assert.deepEqual(find()?.counters(), { rxBytes: 1010, txBytes: 505, cpuMs: 7, memoryBytes: 5_000 });
  });

  it("are found from inside a control group namespace", (t) => {
    for (const [listed, folder] of [
      [`0::/../docker-${id}.scope\n`, `system.slice/docker-${id}.scope`],
      [`0::/../../docker/${id}\n`, `docker/${id}`],
      [`0::/../../machine.slice/libpod-${id}.scope/container\n`, `machine.slice/libpod-${id}.scope`],
    ] as const) {
      const { find } = machine(t, { "proc/77/cgroup": listed, ...accounts(folder) });
      assert.equal(find()?.counters()?.cpuMs, 2_500, listed);
    }
  });

  it("leave out memory where it is not counted, and traffic where the network is not its own", (t) => {
    const folder = `cgroup/system.slice/docker-${id}.scope`;
    const { find } = machine(t, { [`${folder}/cpu.stat`]: "usage_usec 1000\n" });
    for (const NetworkMode of ["host", "none", `container:${"f".repeat(64)}`]) {
      assert.deepEqual(find({ HostConfig: { NetworkMode } })?.counters(), { cpuMs: 1 });
    }
  });

  it("are unknown where control groups cannot be seen", (t) => {
    assert.equal(machine(t).find()?.counters(), undefined);
  });
});

describe("connections on the machine", () => {
  const names =
    "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs";
  const snmp = (established: number, segments: number, accepted = 6): Record<string, string> => ({
    "proc/77/net/snmp": `Ip: Forwarding\nIp: 1\n${names}\nTcp: 1 200 120000 -1 5 ${accepted} 0 0 ${established} ${segments}\nUdp: a\n`,
  });
  const rest = "00000000:00000000 00:00000000 00000000     0        0";
  const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  const table = (...peers: readonly string[]): Record<string, string> => ({
    "proc/77/net/tcp": `${heading}   0: 00000000:0050 00000000:0000 0A ${rest} 10 1\n${peers
      .map((port, index) => `   1: 020011AC:0050 010011AC:${port} 01 ${rest} ${20 + index} 1\n`)
      .join("")}`,
  });

  it("are read again only after a segment has come or gone", async (t) => {
    const { write, find } = machine(t, { ...table("1000"), ...snmp(1, 10) });
    const found = find();
    assert.deepEqual(await found?.connections(), [{ port: 80, peer: "172.17.0.1:4096" }]);
    write(table("1000", "1001"));
    assert.equal((await found?.connections())?.length, 1, "the kernel counted nothing");
    write(snmp(2, 11));
    assert.equal((await found?.connections())?.length, 2);
    write(snmp(0, 12));
    assert.deepEqual(await found?.connections(), [], "the table is not even looked at");
  });

  it("that it opened itself cost nothing while none is accepted, however busy they are", async (t) => {
    const { write, find } = machine(t, { ...table(), ...snmp(1, 10) });
    const found = find();
    assert.deepEqual(await found?.connections(), []);
    // Only to show whether the table is read.
    write(table("1000"));
    write(snmp(1, 11));
    assert.deepEqual(await found?.connections(), []);
    write(snmp(1, 12, 7));
    assert.equal((await found?.connections())?.length, 1, "one was accepted, perhaps as another ended");
    write({ ...table(), ...snmp(1, 13, 7) });
    assert.deepEqual(await found?.connections(), [], "ends are seen at once");
    write(table("1000"));
    for (let round = 0; round < 8; round++) {
      write(snmp(1, 20 + round, 7));
      assert.deepEqual(await found?.connections(), []);
    }
    write(snmp(1, 30, 7));
    assert.equal((await found?.connections())?.length, 1, "read now and then all the same");
  });

  it("are read each time where the kernel's counts cannot be had", async (t) => {
    const { write, find } = machine(t, table("1000"));
    const found = find();
    assert.equal((await found?.connections())?.length, 1);
    write(table());
    assert.equal((await found?.connections())?.length, 0);
  });

  it("fail when the process has ended", async (t) => {
    await assert.rejects(async () => machine(t).find()?.connections(), { code: "ENOENT" });
  });
});
