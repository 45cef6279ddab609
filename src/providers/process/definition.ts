/** How to run one workload: `process:` of its configuration. */
export interface ProcessDefinition {
  /** Program and arguments; no shell is involved. */
  readonly command: readonly string[];
  /** null = nodoff's own. */
  readonly cwd: string | null;
  /** Added to the environment the provider was given. */
  readonly env: Readonly<Record<string, string>>;
}
