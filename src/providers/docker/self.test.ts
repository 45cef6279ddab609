import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ownContainerId } from "./self.ts";

const id = "0123456789abcdef".repeat(4);
const other = "f".repeat(64);

describe("nodoff's own container", () => {
  it("is found by the files the engine mounts, Docker's and Podman's", () => {
    const docker = `713 700 254:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw\n`;
    const podman = `713 700 0:50 /containers/overlay-containers/${id}/userdata/resolv.conf /etc/resolv.conf rw - tmpfs tmpfs rw\n`;
    assert.equal(ownContainerId({ hostname: "nodoff", mountinfo: docker }), id);
    assert.equal(ownContainerId({ hostname: "nodoff", mountinfo: podman }), id);
  });

  it("is not one of those a host's mounts name", () => {
    const mountinfo = `99 30 0:50 / /var/lib/docker/containers/${other}/mounts/shm rw - tmpfs shm rw\n`;
    assert.equal(ownContainerId({ hostname: "server", mountinfo }), null);
  });

  it("is its hostname where that is a short id", () => {
    assert.equal(ownContainerId({ hostname: id.slice(0, 12), mountinfo: "" }), id.slice(0, 12));
    assert.equal(ownContainerId({ hostname: "deadbeef", mountinfo: "" }), null);
  });
});
