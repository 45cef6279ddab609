/** The cookie of whoever signed in to API and dashboard. Browsers send it to every port of the host. */
export const sessionCookie = "nodoff_session";

/** A Cookie header (RFC 6265 section 4.2) without it: no app gets what lets in here. null = nothing else was in it. */
export function withoutSession(header: string): string | null {
  if (!header.includes(sessionCookie)) return header;
  const others = header.split(";").filter((pair) => pair.split("=", 1)[0]?.trim() !== sessionCookie);
  return others.length === 0 ? null : others.join(";").trim();
}
