import { addressCases } from "../support/e2e/conformance/cases.ts";
import { describeConformance } from "../support/e2e/conformance/conformance.ts";
import { haproxyComposeStage, haproxyHostStage } from "../support/e2e/conformance/stages.ts";

describeConformance([haproxyComposeStage]);
describeConformance([haproxyHostStage], { cases: addressCases, wakes: 0 });
