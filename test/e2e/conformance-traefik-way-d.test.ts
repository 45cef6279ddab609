import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { traefikWayDStage } from "../support/e2e/conformance/stages-traefik-labels.ts";

describeConformance([traefikWayDStage]);
