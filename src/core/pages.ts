import type { ErrorCode } from "./errors.ts";
import type { StateName } from "./state.ts";
import type { PublicStep } from "./steps.ts";

/** The themes nodoff brings along: folders of `templates/`. */
export const themeNames = ["default", "terminal", "minimal"] as const;

/** What a public page shows. Strings are plain text: the template escapes them. */
export interface PageModel {
  readonly kind: "loading" | "failed" | "forbidden" | "quota" | "gone";
  /** Route alias: the page's channel asks for it. */
  readonly route: string;
  readonly title: string;
  /** As `loading.icon` says. */
  readonly icon: string | null;
  /** As `loading.theme` says. */
  readonly theme: string;
  readonly state: StateName;
  /** Time in this state; null when not starting. */
  readonly elapsedMs: number | null;
  readonly etaMs: number | null;
  readonly steps: readonly PublicStep[];
  /** Why it is not there; `detail` is the engine's own text, null unless `show_details`. null = nothing failed. */
  readonly failure: { readonly code: ErrorCode; readonly detail: string | null } | null;
  readonly nextTryInMs: number | null;
  readonly retryAfterS: number;
  readonly showLogs: boolean;
  /** Where the request was going: path and query as asked; absolute only where the page is shown at another address. */
  readonly link: string;
  /** Path to leave for when ready; null = the address in the browser. */
  readonly redirectPath: string | null;
  /** The Accept-Language header as sent. */
  readonly language: string | null;
  /** False for a POST: the page must not offer to reload into a replay, it leads to the path by GET. */
  readonly replayable: boolean;
}

export interface RenderedPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Pages for people at public doors, self-contained. */
export interface Pages {
  render(model: PageModel): RenderedPage;
}
