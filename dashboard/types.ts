import type {
  Event as ApiEvent,
  Health as ApiHealth,
  History as ApiHistory,
  Provider as ApiProvider,
  Route as ApiRoute,
  Savings as ApiSavings,
  Timeline as ApiTimeline,
  Workload as ApiWorkload,
  ConfigErrors,
} from "../src/control/schema.ts";
import type { z } from "zod";

export type Workload = ApiWorkload;
export type Route = ApiRoute;
export type Health = ApiHealth;
export type History = ApiHistory;
export type Provider = ApiProvider;
export type Event = z.infer<typeof ApiEvent>;
export type Savings = z.infer<typeof ApiSavings>;
export type Saving = Savings["workloads"][number];
export type Timeline = z.infer<typeof ApiTimeline>;
export type Stretch = Timeline["workloads"][string][number];
export type ConfigError = z.infer<typeof ConfigErrors>["errors"][number];

/** What a row shows: a workload with its routes, or a route to something that never sleeps. */
export interface Item {
  /** `w/blog` or `r/nas`, also its address in the dashboard. */
  readonly id: string;
  readonly alias: string;
  readonly name: string;
  readonly workload: Workload | null;
  readonly routes: readonly Route[];
  /** Names a browser can open, the first is the one to show. */
  readonly links: readonly Link[];
  readonly condition: Condition;
  /** The worst of its routes. */
  readonly health: Health["status"];
  readonly provider: string;
  /** Lower-case text that a search looks through. */
  readonly words: string;
}

export interface Link {
  readonly text: string;
  readonly href: string;
}

/** A workload's state, or `always` for what never sleeps. */
export type Condition = Workload["state"] | "always";

/** What the list is narrowed to. */
export interface Filter {
  readonly text: string;
  readonly conditions: ConditionGroup;
  readonly health: "any" | Health["status"];
  readonly groupBy: GroupBy;
}

export type ConditionGroup = "all" | "awake" | "asleep" | "failing" | "always";
export type GroupBy = "none" | "state" | "provider" | "host" | "project";

/** A theme a person chose; `system` follows the system's. */
export type Theme = "system" | "light" | "dark";

/** Everything that is shown. Replaced piece by piece; a piece that did not change stays the same object. */
export interface State {
  readonly workloads: ReadonlyMap<string, Workload> | null;
  readonly routes: ReadonlyMap<string, Route>;
  readonly providers: readonly Provider[];
  readonly configErrors: readonly ConfigError[];
  readonly timeline: Timeline | null;
  readonly savings: Savings | null;
  /** Newest first. */
  readonly events: readonly Event[];
  readonly version: string;
  readonly person: Person | null;
  readonly link: "connecting" | "live" | "lost";
  readonly filter: Filter;
  readonly theme: Theme;
  readonly shortcuts: boolean;
}

/** Who looks. A viewer may ask for nothing. */
export interface Person {
  readonly name: string;
  readonly role: "viewer" | "operator";
  /** Only a session can be ended here. */
  readonly via: "token" | "session" | "basic" | "header" | "none";
}
