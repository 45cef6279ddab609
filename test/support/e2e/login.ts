/** What proxies ask for on sites with a login in front. */
export const login = {
  user: "ada",
  password: "lovelace",
  /** The password as bcrypt, of the cheapest cost. */
  hash: "$2b$04$kO0QnJhw9QZmEfpGm.sUguUc9wmAyR7vpUV/eYv/AfBfnmJQO04Ba",
} as const;
