"use strict";
(() => {
  const data = document.getElementById("nodoff-data");
  const { page, texts } = JSON.parse(data.textContent);
  const root = document.documentElement;
  const asked = page.asked === null ? null : new URL(page.asked);
  const now = () => performance.now();
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const isSeen = () => document.visibilityState === "visible";
  const seen = () =>
    isSeen()
      ? Promise.resolve()
      : new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  const channel = (name, query) => "/.nodoff/" + name + "?" + new URLSearchParams({ route: page.route, ...query });
  const get = (url, init) => fetch(url, { cache: "no-store", signal: AbortSignal.timeout(30000), ...init });

  // A theme has each of these parts as often as it likes, or not at all.
  const all = (part) => document.querySelectorAll('[data-nodoff~="' + part + '"]');
  const write = (part, text) => {
    for (const element of all(part)) if (element.textContent !== text) element.textContent = text;
  };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (slot, name) => values[name] ?? slot);

  let phase = page.kind;
  const enter = (next) => {
    phase = next;
    root.dataset.phase = next;
  };
  const say = (text) => write("heard", text);

  // Where to go. The address in the browser is the truth; nothing is ever sent a second time but by GET.
  const target = () => {
    if (page.leadTo !== null) return new URL(page.leadTo, asked ?? location.href);
    const url = new URL(asked ?? location.href);
    if (url.hash === "") url.hash = location.hash;
    return url;
  };
  const withoutHash = (url) => url.href.split("#", 1)[0];
  let visitedAt = -Infinity;
  const visit = (url) => {
    // What was asked for already must not be asked for twice while it is on its way.
    if (now() - visitedAt < 5000) return;
    visitedAt = now();
    const isHere = withoutHash(url) === withoutHash(location);
    if (isHere && page.replayable) return location.reload();
    // To an address that differs only in its #hash browsers scroll instead of asking: be at another one first. (A
    // reload is out of the question here, it would send the form again.)
    if (isHere) {
      try {
        history.replaceState(null, "", "/.nodoff/leaving");
      } catch {
        return location.replace(withoutHash(url));
      }
    }
    location.replace(url.href);
  };
  const opening = () => {
    enter("opening");
    say(texts.opening);
    write("left", texts.opening);
    for (const row of rows()) row.dataset.state = row.dataset.step === "opening" ? "now" : "done";
    showStates();
  };
  const leave = () => {
    opening();
    visit(target());
    // A download or an empty answer leaves the page standing.
    setTimeout(() => enter("stuck"), 12000);
  };
  const revisit = async () => {
    // A tab nobody looks at must not wake anything.
    await seen();
    visit(new URL(location.href));
  };
  // Taken out of the back/forward cache it would show what was true when it was left.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    visitedAt = -Infinity;
    visit(asked === null ? new URL(location.href) : target());
  });

  // Whether a request gets through the proxy to the service. Its own errors count, those of the proxy do not.
  const passes = async (isWorse) => {
    const url = target();
    // Another site may not be asked from here; its own hook decides again.
    if (url.origin !== location.origin) return true;
    const answer = await get(withoutHash(url), {
      headers: { "X-Nodoff-Probe": "1" },
      redirect: "manual",
      signal: AbortSignal.timeout(10000),
    });
    // Traefik that does not know yet where the service is says exactly this; an app's own 500 is the app's.
    const isLost = answer.status === 500 && (await answer.text()) === "Internal Server Error";
    if (!answer.bodyUsed) void answer.body?.cancel();
    if (answer.type === "opaqueredirect") return true;
    return !answer.headers.has("X-Nodoff-State") && !isLost && !isWorse(answer.status);
  };
  const isProxyError = (status) => status === 502 || status === 503 || status === 504;
  const handOver = async () => {
    opening();
    // A service whose own answer is a 503, or a hook that wants to be asked properly, must not be waited for for ever.
    let until = now() + 10000;
    for (let pause = 100; ; pause = Math.min(pause * 1.6, 1500)) {
      try {
        if (await passes(isProxyError)) return leave();
        if (now() > until) return leave();
      } catch {
        until = now() + 10000;
      }
      await sleep(pause);
    }
  };

  const began = now() - (page.elapsedMs ?? 0);
  let totalMs = page.etaMs === null ? null : (page.elapsedMs ?? 0) + page.etaMs;
  let isLost = false;
  const mayTryAt = now() + (page.kind === "quota" ? page.retryAfterS * 1000 : (page.nextTryInMs ?? 0));
  const toTime = (ms) => {
    const seconds = Math.max(1, Math.round(ms / 1000));
    return seconds < 100
      ? fill(texts.seconds, { time: seconds })
      : fill(texts.minutes, { time: Math.round(seconds / 60) });
  };
  const showProgress = () => {
    const elapsed = now() - began;
    write("elapsed", toTime(elapsed));
    root.dataset.progress = totalMs === null ? "unknown" : "known";
    if (isLost) return write("left", texts.lost);
    if (totalMs === null) return write("left", "");
    const over = elapsed - totalMs;
    const part = over < 0 ? (0.92 * elapsed) / totalMs : 0.92 + 0.07 * (1 - Math.exp(-over / Math.max(totalMs, 1000)));
    for (const bar of all("progress")) {
      bar.style.setProperty("--part", Math.max(0.03, part).toFixed(3));
      bar.setAttribute("aria-valuenow", Math.round(part * 100));
    }
    const late = over < totalMs / 2 + 2000 ? texts.soon : texts.longer;
    write("left", over < -1500 ? fill(texts.left, { time: toTime(-over) }) : late);
  };
  const showRetry = () => {
    const waitMs = phase === "failed" || phase === "quota" ? mayTryAt - now() : 0;
    for (const button of all("retry")) {
      if (waitMs > 0) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    }
    write(
      "retry",
      waitMs > 0 ? fill(texts.retry_in, { time: toTime(waitMs) }) : phase === "asleep" ? texts.wake : texts.retry,
    );
  };
  const tick = () => {
    if (phase === "loading") showProgress();
    showRetry();
  };

  // The steps: all rows are there from the start, what changes is how far each is.
  const rows = () => document.querySelectorAll('[data-nodoff~="steps"] > [data-step]');
  const showStates = () => {
    for (const row of rows()) {
      const state = row.querySelector(".state");
      if (state !== null) state.textContent = texts["state_" + row.dataset.state];
    }
  };
  const toWords = ({ step, name, done, all: count }) => fill(texts["step_" + step], { name, done, all: count });
  const showSteps = (steps) => {
    if (phase !== "loading" || steps.length === 0) return;
    // What had to end first is past, and stays in its place.
    const kept = [...rows()].filter((row) => row.dataset.step === "stopping" && steps[0].step !== "stopping");
    for (const row of kept) row.dataset.state = "done";
    let shown = [...rows()].filter((row) => !kept.includes(row));
    // Another configuration meanwhile: other rows.
    if (shown.length > 0 && shown.map((row) => row.dataset.step).join() !== steps.map(({ step }) => step).join()) {
      shown = steps.map(({ step }) => {
        const row = shown[0].cloneNode(true);
        row.dataset.step = step;
        return row;
      });
      for (const list of all("steps")) list.replaceChildren(...kept, ...shown);
    }
    steps.forEach((step, place) => {
      const row = shown[place];
      if (row === undefined) return;
      row.dataset.state = step.state;
      if (step.state === "now") row.setAttribute("aria-current", "step");
      else row.removeAttribute("aria-current");
      const words = row.querySelector(".words");
      if (words !== null && words.textContent !== toWords(step)) words.textContent = toWords(step);
    });
    showStates();
    const current = steps.find(({ state }) => state === "now");
    if (current !== undefined) say(toWords(current));
  };
  const readSteps = async () => {
    try {
      const { steps } = await (await get(channel("steps"))).json();
      if (Array.isArray(steps)) showSteps(steps);
    } catch {
      // The long poll tells of lost connections.
    }
  };
  const pollSteps = async () => {
    for (;;) {
      await seen();
      if (phase === "loading") await readSteps();
      await sleep(2000);
    }
  };
  const followSteps = async () => {
    const ping = await get(channel("ping")).catch(() => null);
    if (ping?.status !== 200 || (await ping.json().catch(() => null))?.ok !== true) return pollSteps();
    let due = null;
    const news = () => {
      // Events come in bursts.
      due ??= setTimeout(() => {
        due = null;
        void readSteps();
      }, 120);
    };
    // Only while somebody looks: browsers open no more than six connections to one host.
    for (;;) {
      await seen();
      await new Promise((resolve) => {
        const stream = new EventSource(channel("events"));
        const close = () => {
          stream.close();
          document.removeEventListener("visibilitychange", close);
          resolve();
        };
        document.addEventListener("visibilitychange", close);
        stream.onmessage = news;
        stream.onerror = () => {
          if (stream.readyState === EventSource.CLOSED) close();
        };
      });
      await sleep(2500);
    }
  };
  const followLog = async () => {
    for (let pause = 3000; ; await sleep(pause)) {
      await seen();
      try {
        const answer = await get(channel("logs"));
        pause = answer.status === 429 ? 7000 : 3000;
        const { lines } = await answer.json();
        if (!Array.isArray(lines) || lines.length === 0) continue;
        for (const box of all("lines")) {
          const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
          if (box.textContent !== lines.join("\n")) box.textContent = lines.join("\n");
          if (isAtEnd) box.scrollTop = box.scrollHeight;
        }
      } catch {
        // Asked again.
      }
    }
  };

  const ask = async (since) => {
    try {
      const answer = await (await get(channel("wait", { since }))).json();
      return typeof answer.state === "string" && "eta_ms" in answer ? answer : null;
    } catch {
      return null;
    }
  };
  const showStatus = ({ state, eta_ms: etaMs }) => {
    isLost = false;
    if (page.kind !== "loading") return;
    if (state === "napping") {
      enter("asleep");
      write("heading", fill(texts.asleep, page));
      write("lead", texts.asleep_lead);
      say(fill(texts.asleep, page));
    } else if (phase === "loading" && etaMs !== null) totalMs = now() - began + etaMs;
  };
  const watch = async () => {
    let since = "";
    for (let failures = 0; ;) {
      const askedAt = now();
      const answer = await ask(since);
      if (answer === null) {
        failures++;
        since = "";
        // nodoff may be gone for good and the service be there.
        if (failures > 1) {
          isLost = true;
          say(texts.lost);
          if (await passes((status) => status >= 500).catch(() => false)) return leave();
        }
        await sleep(Math.min(10000, 400 * 2 ** failures));
        continue;
      }
      failures = 0;
      showStatus(answer);
      if (answer.status === "running") return handOver();
      if (answer.status === "failed" && (phase === "loading" || phase === "asleep")) return revisit();
      if (answer.state === "starting" && phase !== "loading") return revisit();
      if (answer.state === since && now() - askedAt < 5000) await sleep(2000);
      since = answer.state;
    }
  };

  // The mark once more, as favicon: it stands in the page only once.
  const showFavicon = () => {
    const icon = document.querySelector('link[rel="icon"]');
    const picture = document.querySelector('[data-nodoff~="mark"] img');
    const path = document.querySelector('[data-nodoff~="mark"] path');
    if (icon === null) return;
    if (picture !== null) icon.href = picture.src;
    else if (path !== null)
      icon.href = icon.href.replace(/%3Ctext.*%3C%2Ftext%3E/, () =>
        encodeURIComponent(
          path.outerHTML
            .replace("<path", '<path transform="translate(6 6) scale(.83)"')
            .replaceAll("currentColor", page.ink),
        ),
      );
  };

  for (const button of all("retry")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      if (button.getAttribute("aria-disabled") === "true") return;
      visit(asked === null ? new URL(location.href) : target());
    });
  }
  showFavicon();
  tick();
  setInterval(tick, 250);
  if (self.origin === "null") {
    // In a sandboxed frame nothing can be asked but the page itself.
    setTimeout(() => visit(new URL(location.href)), 5000);
    return;
  }
  void watch();
  if (page.kind === "loading") void followSteps();
  if (page.showLogs) void followLog();
})();
