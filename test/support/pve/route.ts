import type { Access } from "./access.ts";
import type { Cluster } from "./cluster.ts";
import { ApiError } from "./model.ts";
import type { Operations } from "./operations.ts";
import type { Param, Params } from "./schema.ts";

/** One call as its route sees it. */
export interface Call {
  readonly who: string;
  readonly path: Readonly<Record<string, string>>;
  readonly params: Params;
}

/** A path of the API. `node` and `vmid` in it are checked before `run`. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE" | "PUT";
  readonly pattern: RegExp;
  readonly schema: Readonly<Record<string, Param>>;
  /** Virtual ms it takes. */
  readonly tookMs: number;
  /** Anybody may ask, without a login. */
  readonly open?: boolean;
  readonly run: (call: Call) => unknown;
}

export interface ApiDeps {
  readonly cluster: Cluster;
  readonly access: Access;
  readonly operations: Operations;
  /** Numbers as text, as some versions send them. */
  readonly textNumbers: boolean;
  /** Interfaces as older versions list them. */
  readonly old: boolean;
}

/** Throws the 403 the API throws. `right` may be several of which one is enough: `A|B`. */
export function demand(access: Access, who: string, path: string, right: string): void {
  if (right.split("|").some((one) => access.may(who, path, one))) return;
  throw new ApiError(403, `Permission check failed (${path}, ${right})`);
}
