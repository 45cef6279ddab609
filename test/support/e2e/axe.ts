import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";

/**
 * What axe-core finds seriously wrong with the page as it is now, a line per finding. By `evaluate`, which a page's
 * content security policy does not keep out.
 */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  const { violations } = found as AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => {
      const places = nodes.slice(0, 4).map(({ html, failureSummary }) => `${html} ${failureSummary ?? ""}`);
      return `${id}: ${help}\n  ${places.join("\n  ")}`;
    });
}
