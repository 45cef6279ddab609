/** viewer: reads. operator: also asks for things. */
export type Role = "viewer" | "operator";

/** Somebody who was let in. */
export interface Person {
  /** For the history: the user's name, or `admin` for whoever has the token. */
  readonly name: string;
  readonly role: Role;
  /** How they showed who they are. `none`: nobody is asked. */
  readonly via: "token" | "session" | "basic" | "header" | "none";
}

/** What is the same only as long as a login holds: a token or a password that changes ends it. */
export interface Login extends Pick<Person, "name" | "role"> {
  readonly secret: string;
}
