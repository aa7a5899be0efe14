// Makes Next instant: the pages that follow are fetched while the patient reads, and shown at once; the answers go on
// their way in the background, one after the other, in order. Without this script each page is an ordinary form.
// An item with an alert rule, and every item on a clinic's tablet, is stored before the next page is shown. If nothing
// comes back within two seconds, the help that came with the page is shown anyway.
"use strict";
(() => {
  const DEAF_MS = 500; // after a page turn, so that a second tap does not answer the next question
  const HELP_MS = 2000;
  const PAINTED_MS = 100; // after the page has loaded: what comes next waits until this one is seen
  const SLOW_MS = 3000; // without a reply the page says that the answer is not sent yet

  const { queue, kiosk } = unsent;
  const pages = new Map(); // of this part, by address: those that come, and those that were
  const ahead = new Map(); // where the answer decides what follows: by answer the address and the page
  let sending = false;
  let waiting = false; // the line is lost, and the page says so
  let leaving = false;
  let turned = -Infinity;

  const form = () => document.querySelector("form[data-step]");
  const tell = (now) => {
    waiting = now;
    const line = document.querySelector(".waiting");
    if (line) line.hidden = !now;
  };

  // ---- Sending

  // In order. A page keeps the sequence it was made with: an answer that another page gave to the same question
  // meanwhile is then asked about, never overwritten. An earlier one of this page is known here.
  async function send() {
    if (sending) return;
    sending = true;
    let elsewhere = null;
    for (let wait = 1000; queue.length > 0; ) {
      const slow = setTimeout(tell, SLOW_MS, true);
      const reply = await unsent.post(queue[0]);
      clearTimeout(slow);
      if (reply !== null && !reply.ok && (await refused(reply))) return;
      if (!reply?.ok) {
        tell(true);
        await unsent.pause(wait);
        wait = Math.min(2 * wait, 15000);
        continue;
      }
      const stored = queue.shift();
      wait = 1000;
      learn(stored.address, reply.said.sequence);
      unsent.keep();
      if (reply.said.next !== stored.next) elsewhere = reply.said.next;
    }
    sending = false;
    tell(false);
    if (elsewhere !== null) go(elsewhere);
  }

  function learn(address, sequence) {
    if (sequence === undefined) return;
    for (const each of queue) if (each.address === address) each.fields.sequence = sequence;
    const field = pages.get(address)?.querySelector("input[name=sequence]");
    if (field) field.value = sequence;
  }

  // The server has something to say about this answer: its page does. The others stay and are sent from the page after
  // that; unless the part was sent or closed, and takes none any more. False where that page did not arrive.
  async function refused({ status, said }) {
    const [mine] = queue;
    const again = status === 400 && !mine.again; // another tab began a new session: this page is too old, not the answer
    mine.again ||= again;
    if (again && unsent.keep()) {
      leaving = true;
      location.reload();
    } else if (status === 401 || said.error === "another_visit") {
      leaving = true; // the birth date comes first, here or with the own link: all stay
      unsent.submit(mine);
    } else {
      const page = await unsent.page(mine, status);
      if (!page) return false;
      leaving = true;
      queue.splice(0, status === 409 && said.error !== "newer_answer" ? queue.length : 1);
      unsent.keep();
      put(page);
    }
    return true;
  }

  function go(address) {
    if (pages.has(address)) return show(address);
    leaving = true;
    location.assign(address);
  }

  // ---- Pages

  // The page, or null.
  async function fetched(address) {
    const headers = { Accept: "text/html", "X-Only": "main" }; // without head and foot: they are here
    const response = await fetch(address, { headers, redirect: "error" });
    return response.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  }

  // Where the answer decides: what follows each of them, once all answers before are stored.
  async function lookAtEach(from) {
    await unsent.cleared();
    try {
      const found = from === form() && (await fetched(from.dataset.ahead));
      if (!found || from !== form()) return;
      for (const { dataset, content } of found.querySelectorAll("template[data-if]")) {
        const there = { address: dataset.address, page: content.querySelector("main") };
        for (const value of dataset.if.split(" ")) ahead.set(value, there);
      }
    } catch { /* then Next waits for the line */ }
  }

  // The address that follows an answer, where it is known. In an adaptive part no other page is: a changed answer
  // changes them all.
  function following(mine, value) {
    if (!("ahead" in mine.dataset)) return mine.dataset.next;
    const found = ahead.get(value);
    pages.clear();
    pages.set(location.pathname, document.querySelector("main"));
    if (found) pages.set(found.address, found.page);
    return found?.address;
  }

  // One after the other, as far as it is known what follows. A clinic's tablet looks one page ahead.
  async function lookAhead() {
    const from = form();
    const mine = from?.dataset.pending;
    ahead.clear();
    if (from && "ahead" in from.dataset) return lookAtEach(from);
    for (let address = from?.dataset.next; address && form() === from; ) {
      try {
        if (!pages.has(address)) {
          const page = (await fetched(address))?.querySelector("main");
          const theirs = page?.querySelector("form[data-step]");
          if (!theirs || theirs.dataset.pending !== mine) return; // another link was opened in this browser
          pages.set(address, page);
        }
      } catch {
        return; // then Next waits for the line
      }
      if (kiosk) return;
      address = pages.get(address).querySelector("form[data-step]").dataset.next;
    }
  }

  function show(address, { returning = false } = {}) {
    const page = pages.get(address);
    if (kiosk) pages.clear();
    put(page);
    for (const button of page.querySelectorAll("button")) button.disabled = false;
    if (!returning) history.pushState({}, "", address);
    turned = performance.now();
    tell(waiting);
    lookAhead();
  }

  function put(page) {
    document.querySelector("main").replaceWith(page);
    const first = page.querySelector("legend, h1");
    first.tabIndex = -1;
    first.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  // Nothing else is shown before this one is stored.
  function hold(mine) {
    for (const button of mine.querySelectorAll("button")) button.disabled = true;
    const from = mine.dataset.helpFrom;
    const help = document.querySelector("template[data-help]");
    if (from === undefined || !help || Number(new FormData(mine).get("value")) < Number(from)) return;
    setTimeout(() => {
      if (queue.length === 0 || mine !== form()) return;
      pages.delete(location.pathname);
      const page = mine.closest("main");
      page.classList.add("help");
      page.replaceChildren(help.content.cloneNode(true));
    }, HELP_MS);
  }

  // ---- What the patient does

  // For a page that the server has to make: nobody is sent to the browser's own page for want of a line.
  function afterwards(leave) {
    if (!navigator.onLine) tell(true);
    unsent.cleared().then(() => {
      tell(false);
      if (!leaving) leave();
    });
  }

  document.addEventListener("submit", (event) => {
    const mine = event.target;
    if (mine !== form()) {
      // Another language is for the questions that come, never for an answer on its way.
      if (leaving || unsent.clear() || !(mine.matches("[data-pending]") || event.submitter?.name === "language")) return;
      event.preventDefault();
      const again = queue.length > 0 && mine.matches("[data-review]"); // it is made again first: see `resume`
      return afterwards(() => again || mine.requestSubmit(event.submitter));
    }
    if (performance.now() - turned < DEAF_MS) return event.preventDefault();
    const { csrf_token: _, ...fields } = Object.fromEntries(new FormData(mine));
    const open = [...mine.querySelectorAll("fieldset")].some((each) => !each.querySelector("input:checked"));
    if (event.submitter?.name || open) {
      if (unsent.clear()) return;
      event.preventDefault();
      return afterwards(() => mine === form() && mine.requestSubmit(event.submitter));
    }
    event.preventDefault();
    const next = following(mine, fields.value);
    const instant = !kiosk && !("helpFrom" in mine.dataset) && pages.has(next);
    queue.push({ address: mine.getAttribute("action"), fields, given: Date.now(), next: instant ? next : null });
    unsent.keep();
    if (instant) show(next);
    else hold(mine);
    send();
  });

  // How long the item was on the screen, and on what kind of device.
  document.addEventListener("formdata", (event) => {
    if (event.target !== form()) return;
    event.formData.set("seconds", Math.round((performance.now() - Math.max(turned, 0)) / 1000));
    const touched = matchMedia("(pointer: coarse)").matches;
    const small = Math.min(screen.width, screen.height) < 600;
    event.formData.set("device", touched ? (small ? "phone" : "tablet") : "computer");
  });

  document.addEventListener("click", (event) => {
    const address = event.target.closest("a[data-back]")?.getAttribute("href");
    if (address === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const here = !kiosk && pages.has(address);
    if (here || !unsent.clear()) event.preventDefault();
    if (here) show(address);
    else if (event.defaultPrevented) afterwards(() => location.assign(address));
  });

  addEventListener("popstate", () => {
    if (!kiosk && !leaving && pages.has(location.pathname)) show(location.pathname, { returning: true });
    else location.reload();
  });
  addEventListener("pageshow", (event) => event.persisted && location.reload()); // its queue is as old as the page
  addEventListener("beforeunload", (event) => {
    if (queue.length > 0 && !leaving) event.preventDefault();
  });

  // 1 to 9 choose an option: by its own number where it has one (0 to 10), else by its place.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    const here = document.activeElement.closest("form[data-step] fieldset") ?? form()?.querySelector("fieldset");
    const options = [...(here?.querySelectorAll(".option") ?? [])];
    const numbered = options.find((option) => option.textContent.trim().match(/^\d+/)?.[0] === event.key);
    const radio = (numbered ?? options[Number(event.key) - 1])?.querySelector("input");
    if (radio) {
      radio.checked = true;
      radio.focus();
    }
  });

  // ---- The page as it was loaded

  // After a reload: what was entered is shown as it was, and sent; then the server says where to go on.
  async function resume() {
    const mine = form();
    const own = queue.filter((each) => each.address === location.pathname).pop();
    if (mine && own) {
      const radio = mine.querySelector(`input[name=value][value="${CSS.escape(own.fields.value)}"]`);
      if (radio) radio.checked = true;
      own.next = null;
      hold(mine);
    }
    await send();
    if (!leaving && document.querySelector("[data-review]")) location.reload();
  }

  if (form()) pages.set(location.pathname, document.querySelector("main"));
  if (queue.length > 0) resume();
  addEventListener("load", () => setTimeout(lookAhead, PAINTED_MS));
})();
