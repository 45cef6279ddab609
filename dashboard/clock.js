let aheadMs = 0;

/** What the server's clock says, as far as its answers tell: a countdown must not depend on the phone's own clock. */
export const serverNow = () => Date.now() + aheadMs;

/**
 * Learns from the Date header of an answer. It tells whole seconds, so small differences mean nothing.
 * @param {string | null} date
 */
export function learnTime(date) {
  const told = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(told)) return;
  const differsBy = told - Date.now();
  aheadMs = Math.abs(differsBy) < 2_000 ? 0 : differsBy;
}
