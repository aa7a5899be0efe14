// On a tablet of the clinic: covers the page when nobody touches it, fills in numbers from the pad on the screen, and
// takes what a scanner types. Without this script a refresh covers the page, and the tablet's own keyboard types.
"use strict";
(() => {
  const { coverAfter, cover, alive } = document.currentScript.dataset;

  // A page that the browser kept of somebody before is never shown again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.replace("/kiosk");
  });

  // ---- The cover

  const ALIVE_MS = 15000; // between two messages that somebody is touching the page
  let touched = Date.now();
  let told = touched;

  function hide() {
    if (typeof unsent !== "undefined" && unsent.queue.length > 0) {
      // One answer is on its way, and would be lost with the page: it stays, unseen, until it is stored.
      document.body.classList.add("veiled");
      document.querySelector(".veil").hidden = false;
      return;
    }
    clearInterval(watch);
    location.replace(cover);
  }

  function awake() {
    if (!document.body.classList.contains("veiled")) touched = Date.now(); // else the birth date comes first
  }

  // Once a second, and at once when the tablet is woken. Every touch is told, the last one too: for the server the
  // patient is here as long as for the page.
  function look() {
    const now = Date.now();
    if (now - touched > 1000 * Number(coverAfter)) return hide();
    if (touched <= told || now - told < ALIVE_MS) return;
    told = now;
    fetch(alive, { redirect: "manual" }).catch(() => {});
  }

  let watch = 0;
  if (coverAfter) {
    watch = setInterval(look, 1000);
    document.addEventListener("visibilitychange", look);
    for (const kind of ["pointerdown", "keydown", "scroll", "input"]) {
      addEventListener(kind, awake, { passive: true, capture: true });
    }
  }

  // A button pressed twice is pressed once: the second form would find the code, or the hand-over, used.
  const TWICE_MS = 3000;
  const sent = new WeakMap();
  document.addEventListener("submit", (event) => {
    const mine = event.target;
    if (event.defaultPrevented || mine.matches("[data-step], [data-display]")) return;
    if (Date.now() - sent.get(mine) < TWICE_MS) event.preventDefault();
    else sent.set(mine, Date.now());
  });

  // Whether several questions have room on the screen, where the protocol wants them together.
  const large = document.querySelector("input[name=large]");
  if (large) large.value = matchMedia("(min-width: 700px)").matches ? "yes" : "no";

  // ---- The number pad, and six numbers in two groups

  const fields = [...document.querySelectorAll(".birth input, [data-six]")];
  const group = (digits) => (digits.length > 3 ? `${digits.slice(0, 3)} ${digits.slice(3)}` : digits);
  let field = fields[0];

  function put(text) {
    field.value = "six" in field.dataset ? group(text) : text;
    if (isFull(field) && fields.indexOf(field) < fields.length - 1) fields[fields.indexOf(field) + 1].focus();
    else field.focus();
  }

  // A month from 2 and a day from 4 on has no second digit.
  function isFull({ name, value }) {
    if (value.length === 2 && name !== "year") return true;
    return value.length === 1 && Number(value) > { month: 1, day: 3 }[name];
  }

  const pad = document.querySelector("[data-pad]");
  if (pad && fields.length > 0 && matchMedia("(min-width: 481px)").matches) {
    pad.hidden = false;
    for (const each of fields) {
      each.inputMode = "none"; // the pad is there: the tablet's own keyboard would only hide the page
      each.addEventListener("focus", () => (field = each));
    }
    pad.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (!button) return;
      const digits = field.value.replace(/\D/g, "");
      if (button.dataset.do === "clear") {
        for (const each of fields) each.value = "";
        field = fields[0];
        put("");
      } else if (button.dataset.do === "delete") put(digits.slice(0, -1));
      else if (digits.length < ("six" in field.dataset ? 6 : field.maxLength)) put(digits + button.textContent.trim());
    });
  }
  for (const each of document.querySelectorAll("[data-six]")) {
    each.addEventListener("input", () => (each.value = group(each.value.replace(/\D/g, "").slice(0, 6))));
  }

  // Numbers that a scanner or a keyboard types belong in the field, wherever the focus is.
  if (fields.length > 0) {
    addEventListener("keydown", ({ key }) => {
      if (/^\d$/.test(key) && !fields.includes(document.activeElement)) field.focus();
    });
  }

  // ---- A scanner types six numbers and Enter, wherever the tablet is

  const scan = document.querySelector("form[data-scan]");
  let typed = "";
  if (scan) {
    addEventListener("keydown", (event) => {
      if (/^\d$/.test(event.key)) typed = (typed + event.key).slice(-6);
      else if (event.key === "Enter" && typed.length === 6) {
        event.preventDefault();
        scan.elements.code.value = typed;
        scan.submit();
      }
    });
  }
})();
