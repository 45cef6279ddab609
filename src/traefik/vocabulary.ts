/**
 * Names that Traefik 2.11 to 3.7 know. Others are passed on, for a Traefik that is newer than this list; but one that
 * does not know them refuses everything that comes by its HTTP provider, so they are reported.
 */
const routerKeys = ["rule", "ruleSyntax", "entryPoints", "middlewares", "service", "priority", "tls", "observability"];

const serviceKeys = ["loadBalancer", "middlewares"];

const balancerKeys = [
  "sticky",
  "server",
  "servers",
  "strategy",
  "healthCheck",
  "passiveHealthCheck",
  "passHostHeader",
  "responseForwarding",
  "serversTransport",
];

const middlewareTypes = [
  "addPrefix",
  "basicAuth",
  "buffering",
  "chain",
  "circuitBreaker",
  "compress",
  "contentType",
  "digestAuth",
  "encodedCharacters",
  "errors",
  "forwardAuth",
  "grpcWeb",
  "headers",
  "inFlightReq",
  "ipAllowList",
  "ipWhiteList",
  "passTLSClientCert",
  "plugin",
  "rateLimit",
  "redirectRegex",
  "redirectScheme",
  "replacePath",
  "replacePathRegex",
  "retry",
  "stripPrefix",
  "stripPrefixRegex",
];

/** A set of names: each in Traefik's own spelling by its lower-case one. */
export type Vocabulary = ReadonlyMap<string, string>;

function toVocabulary(names: readonly string[]): Vocabulary {
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}

export const known = {
  router: toVocabulary(routerKeys),
  service: toVocabulary(serviceKeys),
  loadBalancer: toVocabulary(balancerKeys),
  middleware: toVocabulary(middlewareTypes),
} as const satisfies Readonly<Record<string, Vocabulary>>;
