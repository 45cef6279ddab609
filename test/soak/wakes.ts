import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import {
  traefikWayAStage,
  traefikWayCStage,
  traefikWayDStage,
} from "../support/e2e/conformance/stages-traefik-labels.ts";
import { traefikFileStage, traefikWayBStage } from "../support/e2e/conformance/stages-traefik.ts";
import {
  caddyStage,
  haproxyComposeStage,
  haproxyHostStage,
  nginxComposeStage,
  nginxHostStage,
  ownProxyStage,
} from "../support/e2e/conformance/stages.ts";

/** 200 wakes in a row per proxy: `node --test test/soak/wakes.ts`. Twenty of each run with `npm test`. */
const wakes = Number(process.env["WAKES"] ?? 200);
const traefik = [traefikFileStage, traefikWayAStage, traefikWayBStage, traefikWayCStage, traefikWayDStage];
describeConformance([caddyStage, nginxComposeStage, haproxyComposeStage, ownProxyStage, ...traefik], {
  cases: [],
  wakes,
  restart: false,
});
// Of these `npm test` runs some cases alone.
describeConformance([nginxHostStage, haproxyHostStage], { wakes });
