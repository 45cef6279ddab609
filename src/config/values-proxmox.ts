import { textReader } from "./readers.ts";
import { leaf } from "./shape.ts";

const user = String.raw`[^\s:/!@]+@[A-Za-z][A-Za-z0-9._-]+`;
const userPattern = new RegExp(`^${user}$`);
const tokenPattern = new RegExp(`^${user}![A-Za-z][A-Za-z0-9._-]*$`);

function matching(pattern: RegExp): (given: string) => string | undefined {
  return (given) => (pattern.test(given) ? given : undefined);
}

/** `user@realm!name`. */
export function tokenId() {
  return leaf(textReader(matching(tokenPattern), "the id of an API token such as nodoff@pve!wake (user@realm!name)"), {
    type: "string",
    pattern: "@.+!|\\$\\{",
  });
}

/** `user@realm`. */
export function realmUser() {
  const suggest = (given: string): string | undefined => (given.includes("@") ? undefined : `${given}@pam`);
  return leaf(textReader(matching(userPattern), "a user with its realm such as root@pam", suggest), {
    type: "string",
    pattern: "@|\\$\\{",
  });
}

/** SHA-256 as Proxmox VE shows it, or without colons; kept with them. */
export function fingerprint() {
  const parse = (given: string): string | undefined => {
    const hex = given.replaceAll(":", "").toUpperCase();
    return /^[0-9A-F]{64}$/.test(hex) ? hex.replaceAll(/(..)(?=.)/g, "$1:") : undefined;
  };
  return leaf(textReader(parse, "a SHA-256 fingerprint (32 pairs such as AA:BB:…; `pvenode cert info` shows it)"), {
    type: "string",
    pattern: "^[0-9A-Fa-f:]+$|\\$\\{",
  });
}
