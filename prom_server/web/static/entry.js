// A paper form under the fingers: the key beside an answer chooses it and goes to the next item, Backspace goes back
// one. On the telephone the key only chooses; Enter goes on. Without this script the answers are ordinary radio buttons.
"use strict";
(() => {
  const form = document.querySelector("form[data-entry]");
  const rows = [...form.querySelectorAll("fieldset.row")];
  const radios = (row) => [...row.querySelectorAll("input[type=radio]")];
  const last = () => form.querySelector("button.main-action");

  // What the tab key would come to in a row: what is chosen, or the first.
  function enter(row) {
    const into = row ? (radios(row).find((each) => each.checked) ?? radios(row)[0]) : last();
    into.focus({ preventScroll: true });
    into.closest("fieldset, p").scrollIntoView({ block: "center" });
  }

  function choose(row, key) {
    const radio = radios(row).find((each) => each.dataset.key === key);
    if (!radio) return;
    radio.checked = true;
    if (rows.length > 1) enter(rows[rows.indexOf(row) + 1]);
    else radio.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=radio]), textarea")) return;
    const row = event.target.closest("fieldset.row") ?? (rows.length === 1 ? rows[0] : null);
    const key = event.key === "–" ? "-" : event.key.toLowerCase();
    if (key === "backspace" && rows.length > 1) {
      event.preventDefault();
      enter(row ? rows[Math.max(0, rows.indexOf(row) - 1)] : rows.at(-1));
    } else if (key === "enter" && row && rows.length > 1 && event.target.type === "radio") {
      event.preventDefault(); // a form is sent by its button, never half typed
      enter(rows[rows.indexOf(row) + 1]);
    } else if (row && /^[0-9x-]$/.test(key)) {
      event.preventDefault();
      choose(row, key);
    }
  });

  const open = (row) => !radios(row).some((each) => each.checked);
  const blank = (row) => radios(row).some((each) => each.checked && each.value === "blank"); // what is asked again
  if (!document.querySelector(".problems")) enter(rows.find(open) ?? rows.find(blank));
})();
