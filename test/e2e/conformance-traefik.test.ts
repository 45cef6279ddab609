import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { traefikFileStage, traefikWayBStage } from "../support/e2e/conformance/stages-traefik.ts";

describeConformance([traefikFileStage, traefikWayBStage]);
