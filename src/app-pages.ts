import { formatConfigError } from "./config/load.ts";
import type { Config, ConfigError } from "./config/types.ts";
import type { Logger } from "./core/logger.ts";
import type { Pages } from "./core/pages.ts";
import { createPages, type PageRoom, type PagesOptions } from "./pages/pages.ts";

export { createPreview } from "./pages/preview/preview.ts";

/** Pages as the running configuration wants them. */
export interface AppPages extends Pages {
  /** Themes and icons that cannot be shown, at their places; others are shown in their stead. */
  readonly errors: readonly ConfigError[];
  /** Takes over a configuration. */
  update(config: Config): void;
}

export function createAppPages(options: PagesOptions & { readonly logger: Logger }): AppPages {
  const room = createPages(options);
  let errors: readonly ConfigError[] = [];
  return {
    render: (model) => room.render(model),
    get errors() {
      return errors;
    },
    update(config) {
      errors = toErrors(room, config);
      for (const error of errors) options.logger.error("page not as configured", { error: formatConfigError(error) });
    },
  };
}

/** What a configuration says about pages and cannot be shown, for `check`. */
export function checkPages(config: Config, options: PagesOptions): readonly ConfigError[] {
  return toErrors(createPages(options), config);
}

function toErrors(room: PageRoom, { appearances }: Config): readonly ConfigError[] {
  return room.use(appearances).map(({ of: { place }, message }) => {
    const { file, line, column, key } = place;
    return { file, line, column, key, message };
  });
}
