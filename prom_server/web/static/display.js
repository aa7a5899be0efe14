// Text and colours at once, without leaving the page; and reading aloud, where the device has a voice for it.
// Without this script the buttons are an ordinary form, and nothing is read aloud.
"use strict";
(() => {
  const root = document.documentElement;

  // ---- Text and colours

  document.addEventListener("submit", (event) => {
    const mine = event.target;
    if (!mine.matches("[data-display]")) return;
    mine.elements.back.value = location.pathname; // the questions change without a new page
    const { name, value } = event.submitter;
    if (name === "language") return; // other words: a new page
    event.preventDefault();
    root.dataset[name === "contrast" ? "theme" : "text"] = value;
    for (const button of mine.querySelectorAll(`button[name=${name}]`)) {
      button.setAttribute("aria-pressed", String(button === event.submitter));
    }
    const body = new URLSearchParams(new FormData(mine, event.submitter));
    fetch(mine.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true }).catch(() => {
      /* no connection: it looks like this here, and is chosen again elsewhere */
    });
  });

  // ---- Reading aloud

  const speech = window.speechSynthesis;
  const listen = document.querySelector("[data-listen]");
  if (!speech || !listen) return;
  const label = listen.querySelector("span");
  const words = { start: label.textContent, stop: listen.dataset.stop };
  let reading = 0; // which reading is on; a late end of an earlier one changes nothing

  const fieldset = () => document.querySelector("form[data-step] fieldset");
  const language = () => fieldset()?.closest("[lang]").lang ?? "";
  const voice = () => {
    const base = language().split("-")[0];
    const fitting = speech.getVoices().filter((each) => base && each.lang.replace("_", "-").split("-")[0] === base);
    return fitting.find((each) => each.localService) ?? fitting[0];
  };

  // As a person would: the stem, the question, then each answer.
  const passages = () =>
    [...fieldset().form.querySelectorAll(".stem, .item, .option > span")].map((each) => each.textContent.trim()).filter(Boolean);

  const offer = () => { listen.hidden = voice() === undefined; };

  function stop() {
    reading += 1;
    speech.cancel();
    label.textContent = words.start;
  }

  function read() {
    stop();
    const mine = reading;
    const all = passages();
    label.textContent = words.stop;
    all.forEach((text, place) => {
      const said = new SpeechSynthesisUtterance(text);
      said.lang = language();
      said.voice = voice();
      if (place === all.length - 1) said.onend = said.onerror = () => { if (mine === reading) stop(); };
      speech.speak(said);
    });
  }

  listen.addEventListener("click", () => (label.textContent === words.stop ? stop() : read()));
  addEventListener("pagehide", stop);
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); });
  new MutationObserver((changes) => {
    if (![...changes].some((each) => [...each.addedNodes].some((node) => node.nodeName === "MAIN"))) return;
    stop();
    offer();
  }).observe(document.body, { childList: true });
  speech.addEventListener?.("voiceschanged", offer);
  offer();
})();
