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
<meta name="color-scheme" content="light dark">
<title>Sign in · nodoff</title>
<link rel="stylesheet" href="login.css">
</head>
<body>
<main>
<h1><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/><path d="M23.5 18.7A9 9 0 0 1 13.3 8.5a9 9 0 1 0 10.2 10.2z"/></svg>nodoff</h1>
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
<p class="or">or</p>`;

/** `GET /login.css`, for everybody. */
export const loginStyle = `:root {
  --back: #f5f5f8; --card: #fff; --edge: rgb(24 24 48 / .1); --line: rgb(24 24 48 / .45); --text: #1a1b24; --soft: #5c5e6e;
  --accent: #4f4fc8; --on-accent: #fff; --bad: #b42a22; --bad-back: #fce9e7;
  font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0f1015; --card: #17181f; --edge: rgb(235 235 255 / .1); --line: rgb(235 235 255 / .4); --text: #eceef5; --soft: #a2a5b5;
    --accent: #a3a5ff; --on-accent: #14152b; --bad: #ff938a; --bad-back: #3a1a18;
  }
}
* { box-sizing: border-box; margin: 0; }
body { display: grid; place-items: center; min-height: 100vh; padding: 16px; color: var(--text); background: var(--back); }
main {
  display: grid; gap: 18px; width: min(24rem, 100%); padding: 32px 30px 34px; background: var(--card);
  border: 1px solid var(--edge); border-radius: 18px; box-shadow: 0 18px 48px -16px rgb(20 20 50 / .25);
}
h1 { display: flex; align-items: center; gap: 12px; font-size: 22px; font-weight: 680; letter-spacing: -.02em; }
h1 svg { width: 36px; height: 36px; }
h1 rect { fill: #5b5bd6; }
h1 path { fill: #fff; }
form { display: grid; gap: 8px; }
label { font-size: 14px; font-weight: 540; }
input, button { min-height: 42px; padding: 0 13px; font: inherit; border-radius: 10px; }
input { color: inherit; background: none; border: 1px solid var(--line); }
button { margin-top: 6px; color: var(--on-accent); background: var(--accent); border: 0; font-weight: 580; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.or { color: var(--soft); text-align: center; }
[role="alert"] { padding: 10px 14px; color: var(--bad); background: var(--bad-back); border-radius: 10px; font-size: 14px; }
`;
