// Makes Next instant: the following page is fetched while the patient reads, and shown at once; the answer goes on its
// way in the background, one after the other. Without this script each page is an ordinary form.
// An item with an alert rule, and the last one before a review, are ordinary forms with it too.
"use strict";
(() => {
  const DEAF_MS = 500; // after a page turn, so that a second tap does not answer the next question
  const queue = [];
  let sending = false;
  let sequence = null; // the newest one the server told
  let ahead = null; // {address, page}: the following page
  let turned = 0;

  const form = () => document.querySelector("form[data-step]");
  const tell = (waiting) => {
    const line = document.querySelector(".waiting");
    if (line) line.hidden = !waiting;
  };

  async function fetchPage(address) {
    const response = await fetch(address, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!response.ok) throw new Error("no page");
    return new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
  }

  async function prefetch() {
    const address = form()?.dataset.next;
    ahead = null;
    if (!address) return;
    try {
      const page = await fetchPage(address);
      if (form()?.dataset.next === address) ahead = { address, page };
    } catch { /* then Next is an ordinary form */ }
  }

  function show(page, address, { remember = true } = {}) {
    document.querySelector("main").replaceWith(page);
    if (remember) history.pushState({}, "", address);
    turned = performance.now();
    if (sequence !== null) page.querySelector("input[name=sequence]").value = sequence;
    const legend = page.querySelector("legend");
    legend.tabIndex = -1;
    legend.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    prefetch();
  }

  async function send() {
    if (sending) return;
    sending = true;
    for (let wait = 1000; queue.length > 0; ) {
      const { address, body, next } = queue[0];
      if (sequence !== null) body.set("sequence", Math.max(sequence, Number(body.get("sequence"))));
      let response;
      try {
        response = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
      } catch { /* no connection */ }
      if (response === undefined || response.status === 503) {
        tell(true);
        await new Promise((done) => setTimeout(done, wait));
        wait = Math.min(2 * wait, 15000);
        continue;
      }
      if (!response.ok) return giveBack(queue[0]);
      const stored = await response.json();
      sequence = stored.sequence;
      const field = document.querySelector("input[name=sequence]");
      if (field) field.value = sequence;
      queue.shift();
      wait = 1000;
      tell(false);
      if (stored.next !== next) return leaveFor(stored.next);
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
    plain.submit();
  }

  function leaveFor(address) {
    location.assign(address);
  }

  document.addEventListener("submit", (event) => {
    const mine = event.target;
    if (performance.now() - turned < DEAF_MS) return event.preventDefault();
    if (mine !== form() || event.submitter?.name === "go") return;
    const body = new URLSearchParams(new FormData(mine));
    if (!body.has("value")) return;
    if (queue.length > 0 && ("foreground" in mine.dataset || !mine.dataset.next)) {
      event.preventDefault(); // what is on its way first, then this one as an ordinary form
      const poll = setInterval(() => {
        if (queue.length > 0) return;
        clearInterval(poll);
        mine.requestSubmit();
      }, 100);
      return;
    }
    if ("foreground" in mine.dataset || !ahead || ahead.address !== mine.dataset.next) return;
    event.preventDefault();
    queue.push({ address: mine.action, body, next: ahead.address });
    show(ahead.page, ahead.address);
    send();
  });

  addEventListener("beforeunload", (event) => {
    if (queue.length > 0) event.preventDefault();
  });
  addEventListener("popstate", () => location.reload());

  // 1 to 9 choose an option.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    const radio = form()?.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
    if (radio) {
      radio.checked = true;
      radio.focus();
    }
  });

  prefetch();
})();
