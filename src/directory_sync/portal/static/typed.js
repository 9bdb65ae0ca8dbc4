// Keeps what a person types into a form until it was sent and taken: over an ended session, an error, a closed browser.
// It stays in this browser, under the name of who has typed it, for a day. Forms to keep have `data-keep`, a name of their own.
(() => {
  "use strict";
  const PREFIX = "directory_sync.typed";
  const SENT = `${PREFIX}.sent`;
  const KEPT = 24 * 60 * 60 * 1000;
  const person = () => document.body.dataset.person ?? "";
  const keyOf = (form) => `${PREFIX}:${encodeURIComponent(person())}:${form.dataset.keep}`;
  // Fields may stand outside of their form and name it, so the form is asked for them.
  const fields = (form) => [...form.elements].filter((field) => field.name &&
    (field.matches("textarea, input[type=text], [data-keep-value]") || ("replace" in form.dataset && field.matches("select"))));
  // Of a form with `data-replace` all is kept, what is ticked too.
  const ticks = (form) => ("replace" in form.dataset ? [...form.elements].filter((field) => field.matches("input[type=checkbox], input[type=radio]")) : []);
  const ticked = (form) => ticks(form).filter((field) => field.checked).map((field) => `${field.name}=${field.value}`);
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
    const marks = ticked(form);
    const empty = fields(form).every((field) => "keepValue" in field.dataset || !field.value.trim()) && !("replace" in form.dataset);
    storage((local) => (empty ? local.removeItem(keyOf(form)) : local.setItem(keyOf(form), JSON.stringify({ at: Date.now(), values, marks }))));
  };
  const restore = (form) => {
    const kept = storage((local) => JSON.parse(local.getItem(keyOf(form)) ?? "null"));
    if (!kept || Date.now() - kept.at > KEPT) return;
    const isReplaced = (field) => "replace" in field.dataset || ("replace" in form.dataset && !("keepValue" in field.dataset));
    const replaced = fields(form).filter((field) => isReplaced(field) && (kept.values?.[field.name] ?? field.value) !== field.value);
    const marked = ticks(form).filter((field) => kept.marks && field.checked !== kept.marks.includes(`${field.name}=${field.value}`));
    let restored = false;
    for (const field of fields(form)) {
      const value = kept.values?.[field.name];
      const replaces = isReplaced(field) || ("keepValue" in field.dataset && replaced.length + marked.length > 0);
      if ((!value && !("replace" in form.dataset)) || value === undefined || value === field.value || (field.value && !replaces)) continue;
      begun.set(field, field.value);
      field.value = value;
      restored = true;
    }
    for (const field of marked) {
      begun.set(field, field.checked);
      field.checked = !field.checked;
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
    for (const field of ticks(form)) if (begun.has(field)) field.checked = begun.get(field);
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
