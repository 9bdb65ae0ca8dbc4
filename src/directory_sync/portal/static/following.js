// Parts of a page that follow what happens, and the line that says so when they do not: the server is away, the session has
// ended, or the page was not looked at for long. A part has `data-live`; htmx fetches it every few seconds, or on `look-now`.
(() => {
  "use strict";
  const host = window.directorySyncHost;
  const one = (selector, scope = document) => scope.querySelector(selector);
  // Where a part has been exchanged by its answer, `detail.elt` is what stood around it.
  const partOf = (event) => event.detail.requestConfig?.elt ?? event.detail.elt;
  const isPart = (event) => Boolean(partOf(event)?.matches?.("[data-live]"));
  // The number of waiting requests, and what runs now, are too small to speak of.
  const isContent = (event) => isPart(event) && partOf(event).dataset.quiet === undefined;
  const contents = () => [...document.querySelectorAll("[data-live]:not([data-quiet])")];
  const SLACK = 5000; // milliseconds that an answer may take

  let asOf = Date.now();
  let signedOut = false;

  const seconds = (part) => Number(/every (\d+)s/.exec(part.getAttribute("hx-trigger") ?? "")?.[1] ?? 0);
  const pause = () => Math.max(0, ...contents().map(seconds)) * 1000;
  const clock = () => new Intl.DateTimeFormat("en-GB", {
    timeZone: host?.timezone(), hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).format(new Date(asOf));

  const line = () => one("#freshness");
  const say = (why, link) => {
    const place = line();
    if (!place) return;
    const text = signedOut && !contents().length ? why : `As of ${clock()}; not current. ${why}`;
    if (place.dataset.said === text) return;
    place.dataset.said = text;
    place.replaceChildren(text);
    if (link) {
      place.append(" ", link);
    }
    place.hidden = false;
  };
  const current = () => {
    asOf = Date.now();
    signedOut = false;
    const place = line();
    if (!place || place.hidden) return;
    place.hidden = true;
    delete place.dataset.said;
    place.replaceChildren();
  };

  // Leads back to this very page: to the address that Airflow shows where it frames this one.
  const signIn = () => {
    const link = document.createElement("a");
    link.href = `${document.body.dataset.signIn}${encodeURIComponent(host?.address() ?? window.location.pathname)}`;
    link.dataset.airflow = "";
    link.textContent = "Sign in again";
    return link;
  };
  const endOfSession = () => {
    signedOut = true;
    say("Your session has ended. What you have typed here is kept.", signIn());
  };

  const lookNow = () => {
    for (const part of contents()) window.htmx?.trigger(part, "look-now");
  };
  const isLate = () => contents().length > 0 && Date.now() - asOf > 2 * pause() + SLACK;

  document.addEventListener("htmx:beforeRequest", (event) => {
    // A list is not exchanged under a dialog that was opened from it; a request goes on being followed.
    const held = one("#dialog")?.open && partOf(event)?.id === "list";
    if (isPart(event) && (document.hidden || held)) event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (isContent(event) && event.detail.successful) current();
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) endOfSession();
    else if (isContent(event)) say(`The server answers with an error (${event.detail.xhr.status}); trying again.`);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      if (isContent(event)) say("The server does not answer; trying again.");
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !isLate()) return;
    if (!signedOut) say("Bringing it up to date …");
    lookNow();
  });
  // A computer that slept, a request that hangs: nothing tells of those.
  setInterval(() => {
    if (document.hidden || one("#dialog")?.open || signedOut || !isLate() || !line()?.hidden) return;
    say("The server does not answer; trying again.");
    lookNow();
  }, 5000);
})();
