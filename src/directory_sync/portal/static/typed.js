// Keeps what somebody types into a form until it was sent and taken: over an ended session, an error, a closed browser.
// It stays in this browser, under the name of who has typed it, for a day. Forms to keep have `data-keep`, a name of their own.
(() => {
  "use strict";
  const PREFIX = "directory_sync.typed";
  const SENT = `${PREFIX}.sent`;
  const KEPT = 24 * 60 * 60 * 1000;
  const person = () => document.body.dataset.person ?? "";
  const keyOf = (form) => `${PREFIX}:${encodeURIComponent(person())}:${form.dataset.keep}`;
  const fields = (form) => [...form.querySelectorAll("textarea, input[type=text], [data-keep-value]")].filter((field) => field.name);
  // Fields with `data-replace` begin with a text: what was typed comes back instead of that, with the version that it was typed on
  // (`data-keep-value`), so that nothing saved meanwhile is overwritten unseen.
  const begun = new WeakMap();
  const storage = (work) => {
    try {
      return work(window.localStorage, window.sessionStorage);
    } catch {
      return null; // storage is switched off or full: the form works without
    }
  };

  const keep = (form) => {
    const values = Object.fromEntries(fields(form).map((field) => [field.name, field.value]));
    const empty = fields(form).every((field) => "keepValue" in field.dataset || !field.value.trim());
    storage((local) => (empty ? local.removeItem(keyOf(form)) : local.setItem(keyOf(form), JSON.stringify({ at: Date.now(), values }))));
  };
  const restore = (form) => {
    const kept = storage((local) => JSON.parse(local.getItem(keyOf(form)) ?? "null"));
    if (!kept || Date.now() - kept.at > KEPT) return;
    const replaced = [...form.querySelectorAll("[data-replace]")].filter((field) => (kept.values?.[field.name] ?? field.value) !== field.value);
    let restored = false;
    for (const field of fields(form)) {
      const value = kept.values?.[field.name];
      const replaces = "replace" in field.dataset || ("keepValue" in field.dataset && replaced.length > 0);
      if (!value || value === field.value || (field.value && !replaces)) continue;
      begun.set(field, field.value);
      field.value = value;
      restored = true;
    }
    const note = form.querySelector("[data-restored]");
    if (note && restored) note.hidden = false;
  };
  const restoreAll = (scope) => {
    for (const form of scope.querySelectorAll("form[data-keep]")) restore(form);
  };

  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-keep]");
    if (form && person()) keep(form);
  });
  document.addEventListener("click", (event) => {
    const form = event.target.closest?.("[data-discards]")?.closest("form[data-keep]");
    if (!form) return;
    for (const field of fields(form)) if (begun.has(field)) field.value = begun.get(field);
    storage((local) => local.removeItem(keyOf(form)));
    form.querySelector("[data-restored]").hidden = true;
    form.querySelector("textarea")?.focus();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest?.("form[data-keep]");
    if (form && person()) storage((local, session) => session.setItem(SENT, keyOf(form)));
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.querySelectorAll) restoreAll(event.detail.target);
  });

  const start = () => {
    const taken = ["said", "results"].some((name) => new URLSearchParams(window.location.search).has(name)) ||
      document.querySelector("[data-taken]") !== null;
    storage((local, session) => {
      const sent = session.getItem(SENT);
      if (sent && taken) local.removeItem(sent);
      session.removeItem(SENT);
      for (const key of Object.keys(local)) {
        if (!key.startsWith(`${PREFIX}:`)) continue;
        const kept = JSON.parse(local.getItem(key) ?? "null");
        if (!kept || Date.now() - kept.at > KEPT) local.removeItem(key);
      }
    });
    if (person()) restoreAll(document);
  };
  // Before `pages.js` takes the message from the address: scripts run in the order of the page.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
