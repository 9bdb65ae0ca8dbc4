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
  // Another kind of transformation has other fields, which the server shows.
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("select[data-sends]")) return;
    const button = event.target.form.querySelector("button[name=do][value=save]");
    event.target.form.requestSubmit(button);
  });
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
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const place = document.getElementById(event.target.dataset?.waits ?? "");
    if (place) place.textContent = "Looking …";
  });
})();
