/**
 * A link that leads to where the request was going and nowhere else. A path may be anything a client sent: `//evil.org`
 * and `/\evil.org` would leave the site, so they get a leading `/.`, which URL parsers drop again. Anything that is
 * neither a path nor an absolute http(s) URL becomes `/`.
 */
export function toSafeLink(link: string): string {
  // Parsers remove tabs and line ends before they look at the slashes.
  const clean = link.replace(/[\s\p{Cc}]/gu, (character) => encodeURIComponent(character));
  if (isElsewhere(clean)) return clean;
  if (!clean.startsWith("/")) return "/";
  return /^\/[/\\]/.test(clean) ? `/.${clean}` : clean;
}

/** Whether it names its own origin: the page is shown at another address than the service's. */
export function isElsewhere(link: string): boolean {
  return /^https?:\/\/[^/\\]/i.test(link);
}
