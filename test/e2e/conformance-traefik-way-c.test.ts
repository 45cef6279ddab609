import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { traefikWayCStage } from "../support/e2e/conformance/stages-traefik-labels.ts";

describeConformance([traefikWayCStage]);
