// What pages do besides links and forms: times in the user's zone, dialogs, selection, live parts, keys. Without it all still works.
(() => {
  "use strict";
  const host = window.directorySyncHost;
  const one = (selector, scope = document) => scope.querySelector(selector);
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];

  // -- times ------------------------------------------------------------------------------------------------------------
  const showTimes = (scope) => {
    const zone = host?.timezone();
    const format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
      timeZoneName: "short",
    });
    for (const time of all("time[datetime]:not([data-shown])", scope)) {
      const parts = Object.fromEntries(format.formatToParts(new Date(time.dateTime)).map((part) => [part.type, part.value]));
      time.title = time.textContent;
      time.dataset.shown = "";
      time.textContent = `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute} ${parts.timeZoneName}`;
    }
  };

  // -- menus: one is open at a time, and Esc or a click elsewhere closes it ------------------------------------------------
  const closeMenus = (but) => {
    for (const menu of all("details.menu[open]")) if (menu !== but) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details.menu")));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    one("summary", menu).focus();
  });

  // -- lines of a definition -----------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-line]");
    const field = one("textarea#definition");
    if (!link || !field) return;
    event.preventDefault();
    const lines = field.value.split("\n");
    const number = Math.min(Number(link.dataset.line), lines.length);
    const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
    field.focus();
    field.setSelectionRange(start, start + lines[number - 1].length);
    field.scrollTop = Math.max(0, (number - 5) * parseFloat(getComputedStyle(field).lineHeight));
  });

  // -- messages ---------------------------------------------------------------------------------------------------------
  const tell = (text) => {
    const place = one("#live-message");
    if (place) place.textContent = text;
  };
  // What was said once is not said again when the page is loaded again, or its address passed on.
  const forget = () => {
    const address = new URL(window.location.href);
    if (!["said", "results"].some((name) => address.searchParams.has(name))) return;
    address.searchParams.delete("said");
    address.searchParams.delete("results");
    window.history.replaceState(window.history.state, "", address);
    host?.mirror();
  };

  // -- dialogs ----------------------------------------------------------------------------------------------------------
  const dialog = () => one("#dialog");
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== one("#dialog-content") || dialog().open) return;
    dialog().showModal();
    one("[data-first]", dialog())?.focus();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-closes]");
    if (button && button.closest("dialog")) {
      event.preventDefault();
      button.closest("dialog").close();
    }
  });
  // No one decides twice by an impatient click.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent !== undefined) {
      event.preventDefault();
      return;
    }
    event.target.dataset.sent = "";
    for (const button of all("button[type=submit]", event.target)) button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of all("form[data-sent]")) delete form.dataset.sent;
  });

  // -- selection --------------------------------------------------------------------------------------------------------
  const boxes = () => all("input[type=checkbox][name=selected]");
  const kept = new Set();
  const showSelection = () => {
    const selected = boxes().filter((box) => box.checked).length;
    for (const place of all("[data-selected-count]")) place.textContent = selected ? `${selected} selected` : "None selected";
    for (const button of all("[data-needs-selection]")) button.disabled = selected === 0;
    const every = one("#select-all");
    if (every) {
      every.checked = selected > 0 && selected === boxes().length;
      every.indeterminate = selected > 0 && !every.checked;
    }
  };
  document.addEventListener("change", (event) => {
    if (event.target.id === "select-all") for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.id === "select-all" || event.target.name === "selected") showSelection();
  });

  // -- what htmx fetches; `following.js` says when that fails for parts that are fetched again and again -------------------
  document.addEventListener("htmx:beforeSwap", () => {
    kept.clear();
    for (const box of boxes()) if (box.checked) kept.add(box.value);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    for (const box of boxes()) if (kept.has(box.value)) box.checked = true;
    showSelection();
    showTimes(document);
    const message = one("[data-announce]", event.detail.target ?? document);
    if (message) tell(message.dataset.announce);
  });
  const failed = (event) => {
    if (event.detail.requestConfig?.elt?.matches?.("[data-live]")) return;
    if (event.detail.xhr?.status === 401) return; // the page stays, with what was typed into it
    const link = event.detail.elt?.closest?.("a[href], form[method=get]");
    if (link?.href) window.location.assign(link.href);
    else if (link) link.submit();
    else tell("The server did not answer. Try again.");
  };
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:timeout", failed);

  // -- keys -------------------------------------------------------------------------------------------------------------
  const KEYS = "directory_sync.keys";
  const keysAreOn = () => window.localStorage.getItem(KEYS) !== "off";
  const writes = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
    if (one("dialog[open]") || !keysAreOn()) return;
    if (event.key === "/") {
      const search = [...all("[data-search]"), one("#everything")].find((field) => field && field.offsetParent !== null);
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    } else if (event.key === "?") {
      event.preventDefault();
      one("#help")?.showModal();
    }
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (!opener) return;
    event.preventDefault();
    one(`#${opener.dataset.opens}`)?.showModal();
  });

  document.addEventListener("change", (event) => {
    if (event.target.id === "keys") window.localStorage.setItem(KEYS, event.target.checked ? "on" : "off");
  });
  document.addEventListener("htmx:replacedInHistory", () => host?.mirror());

  const start = () => {
    const keys = one("#keys");
    if (keys) keys.checked = keysAreOn();
    document.documentElement.classList.add("scripted");
    showTimes(document);
    showSelection();
    forget();
    one("#message")?.focus({ preventScroll: false });
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
