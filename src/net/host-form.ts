// A name or IPv4 address, or IPv6 in brackets, with an optional port (RFC 3986 section 3.2.2, no user information).
const hostForm = /^(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * Whether a text can be a Host header. What can not may lead elsewhere once it stands in a Location
 * (`red.test:80@evil.test`). Empty can be: HTTP/1.0.
 */
export function isHostForm(host: string): boolean {
  return hostForm.test(host);
}
