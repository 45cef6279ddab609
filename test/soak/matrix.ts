import { describeMatrix, doorNames, useNames } from "../support/e2e/activity-matrix.ts";

/** All of them: `node --test test/soak/matrix.ts`. The 9 of test/e2e/activity-signals.test.ts run with `npm test`. */
describeMatrix(
  "what is in use stays awake, what is not sleeps",
  useNames.flatMap((use) => doorNames.map((door) => [use, door] as const)),
);
