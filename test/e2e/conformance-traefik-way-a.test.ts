import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { traefikWayAStage } from "../support/e2e/conformance/stages-traefik-labels.ts";

describeConformance([traefikWayAStage]);
