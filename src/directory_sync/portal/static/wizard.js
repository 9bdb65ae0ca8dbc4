// Puts jobs of a draft in order by dragging: buttons do the same, so that is for the mouse only. Suggests a name by the title.
(() => {
  "use strict";
  let dragged = null;
  const rowOf = (event) => event.target.closest?.("[data-orders] tr[data-order]");
  const clear = () => {
    for (const row of document.querySelectorAll("[data-orders] tr")) row.classList.remove("drop-before", "drop-after");
  };
  const isBelow = (row, event) => {
    const box = row.getBoundingClientRect();
    return event.clientY > box.top + box.height / 2;
  };
  document.addEventListener("dragstart", (event) => {
    if (!event.target.matches?.(".handle")) return;
    dragged = rowOf(event);
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.order);
    event.dataTransfer.setDragImage(dragged, 0, 0);
  });
  document.addEventListener("dragover", (event) => {
    const row = dragged && rowOf(event);
    if (!row) return;
    event.preventDefault();
    clear();
    if (row !== dragged) row.classList.add(isBelow(row, event) ? "drop-after" : "drop-before");
  });
  document.addEventListener("drop", (event) => {
    const row = dragged && rowOf(event);
    if (!row) return;
    event.preventDefault();
    const from = Number(dragged.dataset.order);
    let to = Number(row.dataset.order);
    if (from < to && !isBelow(row, event)) to -= 1;
    if (from > to && isBelow(row, event)) to += 1;
    const button = document.querySelector("[data-orders-by]");
    if (from === to || !button) return;
    button.value = `order:${from}:${to}`;
    button.form.requestSubmit(button);
  });
  document.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
    clear();
  });

  // As the server does for a name that is left empty.
  const suggest = (title) => {
    const name = title.normalize("NFKD").replace(/[^\x00-\x7f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 60).replace(/_+$/, "");
    return !name || /^[a-z]/.test(name) ? name : `c_${name}`;
  };
  let suggested = "";
  const suggestName = (title) => {
    const name = document.querySelector("[data-suggests-name] [name='details.name']");
    if (!name || title?.name !== "details.title" || (name.value && name.value !== suggested)) return;
    suggested = suggest(title.value);
    name.value = suggested;
  };
  document.addEventListener("input", (event) => suggestName(event.target));
  // What was typed while this file was on its way.
  suggestName(document.querySelector("[name='details.title']"));
})();
