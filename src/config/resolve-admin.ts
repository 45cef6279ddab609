import { isLoopback } from "../net/trust.ts";
import type { ListenAddress } from "../net/listen.ts";
import type { ConfigFile } from "./schema.ts";
import type { SettingsDeps } from "./resolve-settings.ts";
import type { AdminConfig } from "./types.ts";

/** Who may use API and dashboard. `hook` is where they are listened for. */
export function resolveAdmin(
  admin: ConfigFile["admin"] = {},
  { hook, ...deps }: SettingsDeps & { readonly hook: ListenAddress },
): AdminConfig {
  const { users = {}, trusted_header: header, auth = "required" } = admin;
  if (auth === "none" && !isLoopback(hook.host)) {
    const mend = 'set listen.hook to "127.0.0.1:8090", or use admin.users or admin.trusted_header';
    deps.report(["admin", "auth"], `"none" is accepted only while listen.hook is a loopback address: ${mend}`);
  }
  return {
    token: toToken(admin, deps),
    users: Object.entries(users).map(([name, user]) => ({ name, passwordHash: user.password_hash, role: user.role })),
    trustedHeader:
      header === undefined
        ? null
        : {
            name: header.name.toLowerCase(),
            from: header.from,
            role: header.role ?? "viewer",
          },
    auth,
  };
}

function toToken(
  { token, token_file: path }: NonNullable<ConfigFile["admin"]>,
  { readSecret, report }: SettingsDeps,
): string | null {
  if (path === undefined) return token ?? null;
  if (token !== undefined) report(["admin", "token_file"], `give either "token" or "token_file"`);
  const secret = readSecret(path, (message) => report(["admin", "token_file"], message));
  if (secret === "") report(["admin", "token_file"], `"${path}" is empty`);
  return secret;
}
