import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { traefikFileStage, traefikWayBStage } from "../support/e2e/conformance/stages-traefik.ts";
import { caddyStage, nginxComposeStage, nginxHostStage, ownProxyStage } from "../support/e2e/conformance/stages.ts";

/** 200 wakes in a row per proxy: `node --test test/soak/wakes.ts`. Twenty of each run with `npm test`. */
describeConformance(
  [caddyStage, nginxComposeStage, nginxHostStage, traefikFileStage, traefikWayBStage, ownProxyStage],
  { cases: [], wakes: 200, restart: false },
);
