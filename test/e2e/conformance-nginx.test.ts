import { addressCases } from "../support/e2e/conformance/cases.ts";
import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { nginxComposeStage, nginxHostStage } from "../support/e2e/conformance/stages.ts";

describeConformance([nginxComposeStage]);
describeConformance([nginxHostStage], { cases: addressCases, wakes: 0 });
