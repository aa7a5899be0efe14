// Only the copy button: without this script it stays hidden, and the address can be selected by hand.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  if (!field) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // no clipboard here, or not allowed: the old way copies what is selected
    }
    button.querySelector("span").textContent = button.dataset.done;
  });
}
