import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { caddyStage } from "../support/e2e/conformance/stages.ts";

describeConformance([caddyStage]);
