/** Options that mean the same in every command that has them: spread them into its own. */

/** Commands that read the configuration. */
export const configOption = {
  config: { value: "FILE", help: "nodoff.yaml to use (else NODOFF_CONFIG, ./nodoff.yaml, /etc/nodoff/nodoff.yaml)" },
} as const;

/** Commands that answer. */
export const jsonOption = { json: { help: "output for scripts" } } as const;

/** Commands that ask a running nodoff whether or not it knows us. */
export const urlOption = {
  ...configOption,
  url: { value: "URL", help: "address of the running nodoff (else NODOFF_URL, else where the configuration listens)" },
} as const;

/** Commands that use the API of a running nodoff. */
export const clientOptions = {
  ...urlOption,
  token: { value: "TOKEN", help: "its admin token (else NODOFF_TOKEN, else that of the configuration)" },
} as const;

/** Commands that ask for something and may say why. */
export const reasonOption = { reason: { value: "TEXT", help: "why, for the history" } } as const;

/** Understood with every command, also before its name. */
export const commonOptions = {
  help: { short: "h", help: "print help" },
  version: { help: "print the version" },
} as const;
