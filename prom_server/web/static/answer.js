// Makes Next instant: the following page is fetched while the patient reads, and shown at once; the answer goes on its
// way in the background, one after the other. Without this script each page is an ordinary form.
// An item with an alert rule is sent before anything else is shown; if no answer comes within two seconds, the help
// that came with the page is shown anyway.
"use strict";
(() => {
  const DEAF_MS = 500; // after a page turn, so that a second tap does not answer the next question
  const HELP_MS = 2000;
  const queue = []; // {address, body, pressed, next}: next is null where the server says what follows
  let sending = false;
  let waitingForQueue = false;
  let ahead = null; // {address, page}: the following page
  let turned = -Infinity;

  const form = () => document.querySelector("form[data-step]");
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const tell = (waiting) => {
    const line = document.querySelector(".waiting");
    if (line) line.hidden = !waiting;
  };

  async function prefetch() {
    const address = form()?.dataset.next;
    ahead = null;
    if (!address) return;
    try {
      const response = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
      if (form()?.dataset.next === address) ahead = { address, page };
    } catch { /* then Next is an ordinary form */ }
  }

  function show({ address, page }) {
    document.querySelector("main").replaceWith(page);
    history.pushState({}, "", address);
    turned = performance.now();
    const legend = page.querySelector("legend");
    legend.tabIndex = -1;
    legend.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    prefetch();
  }

  // Sends what is queued, in order. A page keeps the sequence it was made with: an answer that another page gave to
  // the same question meanwhile is then asked about, never overwritten.
  async function send() {
    if (sending) return;
    sending = true;
    for (let wait = 1000; queue.length > 0; ) {
      const { address, body, pressed, next } = queue[0];
      body.set("delay", Math.round((performance.now() - pressed) / 1000));
      let response;
      try {
        response = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
      } catch { /* no connection */ }
      if (response === undefined || response.status === 503) {
        tell(true);
        await pause(wait);
        wait = Math.min(2 * wait, 15000);
        continue;
      }
      if (!response.ok) return giveBack(queue.shift());
      const stored = await response.json();
      queue.shift();
      wait = 1000;
      tell(false);
      if (stored.next !== next) return location.assign(stored.next);
    }
    sending = false;
  }

  // The server has something to say about this answer: send it as an ordinary form and let its page say so.
  function giveBack({ address, body }) {
    const plain = document.createElement("form");
    plain.method = "post";
    plain.action = address;
    for (const [name, value] of body) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      plain.append(field);
    }
    document.body.append(plain);
    queue.length = 0;
    plain.submit();
  }

  // Nothing else is shown before this one is stored.
  function hold(mine) {
    for (const button of mine.querySelectorAll("button")) button.disabled = true;
    const from = mine.dataset.helpFrom;
    const help = document.querySelector("template[data-help]");
    if (from === undefined || !help || Number(new FormData(mine).get("value")) < Number(from)) return;
    setTimeout(() => {
      if (queue.length > 0) mine.closest("main").replaceChildren(help.content.cloneNode(true));
    }, HELP_MS);
  }

  async function afterQueue(mine, submitter) {
    if (waitingForQueue) return;
    waitingForQueue = true;
    while (queue.length > 0) await pause(100);
    waitingForQueue = false;
    mine.requestSubmit(submitter);
  }

  document.addEventListener("submit", (event) => {
    const mine = event.target;
    if (mine !== form()) return;
    if (performance.now() - turned < DEAF_MS) return event.preventDefault();
    const body = new URLSearchParams(new FormData(mine));
    if (event.submitter?.name === "go" || !body.has("value")) {
      if (queue.length === 0) return;
      event.preventDefault();
      return void afterQueue(mine, event.submitter);
    }
    event.preventDefault();
    const instant = !("helpFrom" in mine.dataset) && ahead !== null && ahead.address === mine.dataset.next;
    queue.push({ address: mine.action, body, pressed: performance.now(), next: instant ? ahead.address : null });
    if (instant) show(ahead);
    else hold(mine);
    send();
  });

  addEventListener("beforeunload", (event) => {
    if (queue.length > 0) event.preventDefault();
  });
  addEventListener("popstate", () => location.reload());

  // 1 to 9 choose an option: by its own number where it has one (0 to 10), else by its place.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    const options = [...(form()?.querySelectorAll(".option") ?? [])];
    const numbered = options.find((option) => option.textContent.trim().match(/^\d+/)?.[0] === event.key);
    const radio = (numbered ?? options[Number(event.key) - 1])?.querySelector("input");
    if (radio) {
      radio.checked = true;
      radio.focus();
    }
  });

  prefetch();
})();
