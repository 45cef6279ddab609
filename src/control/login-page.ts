/** What the form asks for: the token always, name and password where there are users. */
export interface LoginPage {
  readonly hasUsers: boolean;
  /** Why the last attempt failed; null = it is the first. */
  readonly problem: string | null;
}

/** `GET /login`: works without JavaScript. Its addresses are relative, so it works below any path. */
export function loginPage({ hasUsers, problem }: LoginPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Sign in · nodoff</title>
<link rel="stylesheet" href="login.css">
</head>
<body>
<main>
<h1>nodoff</h1>
${problem === null ? "" : `<p role="alert">${problem}</p>`}
${hasUsers ? userForm : ""}
<form method="post" action="login">
<label for="token">Admin token, or the login code of the log</label>
<input id="token" name="token" type="password" autocomplete="current-password" required ${hasUsers ? "" : "autofocus"}>
<button>Sign in with the token</button>
</form>
</main>
</body>
</html>
`;
}

const userForm = `<form method="post" action="login">
<label for="user">Name</label>
<input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>
<p>or</p>`;

/** `GET /login.css`, for everybody. */
export const loginStyle = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { display: grid; min-height: 100vh; margin: 0; place-items: center; }
main { box-sizing: border-box; width: min(24rem, 100%); padding: 1rem; }
form { display: grid; gap: .5rem; }
input, button { font: inherit; padding: .5rem; }
[role="alert"] { border-inline-start: .25rem solid #c33; padding-inline-start: .75rem; }
`;
