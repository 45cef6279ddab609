/** What goes wrong with a request, instead of its answer or after it. */
export type Fault =
  /** An answer of somebody else: a status of the API, or a page of a proxy in front. */
  | {
      readonly kind: "reply";
      readonly status: number;
      readonly reason: string;
      readonly body?: string;
      readonly html?: boolean;
    }
  /** 401 as the API says it: no body, 3 s late. */
  | { readonly kind: "unauthorized" }
  /** The connection breaks before (or, `after`, when) it was carried out. */
  | { readonly kind: "reset"; readonly after?: boolean }
  /** The answer begins so much later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Headers and half a body, then nothing. */
  | { readonly kind: "stall" }
  /** 200 with half the JSON, as a broken proxy ends it. */
  | { readonly kind: "truncate" };

export interface FaultRule {
  readonly method?: string;
  readonly path?: RegExp;
  /** Requests it meets; default 1. */
  readonly count?: number;
  /** Matching requests it lets pass before. */
  readonly skip?: number;
  readonly fault: Fault;
}

export interface Faults {
  add(rule: FaultRule): void;
  clear(): void;
  /** The fault of this request, used up by it. */
  take(method: string, path: string): Fault | undefined;
}

export function createFaults(): Faults {
  let rules: { readonly rule: FaultRule; skip: number; left: number }[] = [];
  return {
    add: (rule) => void rules.push({ rule, skip: rule.skip ?? 0, left: rule.count ?? 1 }),
    clear: () => void (rules = []),
    take(method, path) {
      for (const entry of rules) {
        const { rule } = entry;
        if (entry.left === 0 || (rule.method !== undefined && rule.method !== method)) continue;
        if (rule.path !== undefined && !rule.path.test(path)) continue;
        if (entry.skip > 0) {
          entry.skip--;
          continue;
        }
        entry.left--;
        return rule.fault;
      }
      return undefined;
    },
  };
}
