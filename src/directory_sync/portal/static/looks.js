// Puts what is picked from a tree or a list into its field, and chooses the kind of place that the field is of.
(() => {
  "use strict";
  const choose = (field) => {
    for (let inside = field.closest(".variant-inside"); inside; inside = inside.parentElement.closest(".variant-inside")) {
      const radio = inside.closest(".variant").querySelector("input[type=radio]");
      if (radio && !radio.checked) radio.checked = true;
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fill]");
    if (!button) return;
    const field = document.getElementsByName(button.dataset.fill)[0];
    if (!field) return;
    field.value = button.dataset.value;
    choose(field);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
  // Another kind of transformation has other fields, which the server shows. From the keyboard each arrow chooses
  // another one, so that nothing is sent before the person goes on to the next field.
  let typedIn = null;
  let pending = null;
  document.addEventListener("keydown", (event) => {
    if (event.target.matches?.("select[data-sends]")) typedIn = event.target;
  });
  document.addEventListener("pointerdown", () => { typedIn = null; });
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("select[data-sends]")) return;
    if (typedIn === event.target) pending = event.target;
    else send(event.target);
  });
  document.addEventListener("focusout", (event) => {
    if (!pending || event.target !== pending) return;
    pending = typedIn = null;
    send(event.target);
  });
  const send = (select) => {
    const name = select.closest("tr")?.querySelector("input[name$='.destination']");
    if (name && !name.value.trim()) {
      // A line without a name is not kept.
      select.value = [...select.options].find((option) => option.defaultSelected)?.value ?? select.options[0].value;
      name.setCustomValidity("Name the destination field first.");
      name.reportValidity();
      name.addEventListener("input", () => name.setCustomValidity(""), { once: true });
      return;
    }
    const button = document.querySelector("[data-sends-as]");
    button.value = select.dataset.sends;
    select.form.requestSubmit(button);
  };
  // Fields of the reference are suggested in the grid.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target?.id !== "field-reference") return;
    for (const side of ["source", "destination"]) {
      const list = document.getElementById(`${side}-fields`);
      list.replaceChildren(...[...document.querySelectorAll(`[data-field-of=${side}]`)].map((row) => {
        const option = document.createElement("option");
        option.value = row.dataset.field;
        return option;
      }));
    }
    // What must be mapped has a line.
    const empty = [...document.querySelectorAll("table.mapping input[name$='.destination']")].filter((input) => !input.value);
    for (const row of document.querySelectorAll("[data-field-of=destination][data-lacking]")) {
      const input = empty.shift();
      if (input) input.value = row.dataset.field;
    }
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const place = document.getElementById(event.target.dataset?.waits ?? "");
    if (place) place.textContent = "Looking …";
  });
})();
