// Answers on their way. On the patient's own device they are kept for this tab until they are sent, so that a reload,
// a phone call or a server that starts again loses none. A clinic's tablet keeps nothing. Used by answer.js.
"use strict";
const unsent = (() => {
  const GIVE_UP_MS = 20000; // then the line is taken as cut and the same is sent again; the server knows it
  const AWAY = (status) => status >= 500 || status === 408 || status === 429; // failed, starting again, or busy
  const KEPT = "pending";

  const kiosk = document.querySelector("[data-kiosk]") !== null;
  const whose = document.querySelector("[data-pending]")?.dataset.pending ?? "";
  const proof = document.querySelector("input[name=csrf_token]")?.value ?? "";
  const keeps = !kiosk && whose !== "";
  const queue = restore(); // {address, fields, given, next}: next is null where the server says what follows

  function restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT));
      if (keeps && kept?.whose === whose) return kept.queue;
      sessionStorage.removeItem(KEPT); // another patient's, or of a part that was begun again
    } catch { /* no storage here, or nothing of ours in it */ }
    return [];
  }

  // Whether the queue, as it is now, survives a reload.
  function keep() {
    if (!keeps) return false;
    try {
      if (queue.length > 0) sessionStorage.setItem(KEPT, JSON.stringify({ whose, queue }));
      else sessionStorage.removeItem(KEPT);
      return true;
    } catch {
      return false;
    }
  }

  function reach({ address, fields, given }, accept) {
    const delay = Math.max(0, Math.round((Date.now() - given) / 1000));
    return fetch(address, {
      method: "POST",
      body: new URLSearchParams({ ...fields, csrf_token: proof, delay }),
      headers: { Accept: accept },
      keepalive: true,
      signal: AbortSignal.timeout?.(GIVE_UP_MS),
    });
  }

  // The reply, or null where none came and the same is to be sent again: no line, a server that failed or is starting
  // again, the sign-in page of somebody's network.
  async function post(entry) {
    try {
      const response = await reach(entry, "application/json");
      const said = await response.json().catch(() => null);
      if (AWAY(response.status) || (said === null && response.status !== 401)) return null;
      return { ok: response.ok, status: response.status, said: said ?? {} };
    } catch {
      return null;
    }
  }

  // The server's own page about an answer that it refused with this status, or null where it did not arrive.
  async function page(entry, status) {
    try {
      const response = await reach(entry, "text/html");
      const found = new DOMParser().parseFromString(await response.text(), "text/html");
      return response.status === status ? found.querySelector("main") : null;
    } catch {
      return null;
    }
  }

  // Waits so long, or until the line is back or somebody looks at the page again.
  function pause(ms) {
    return new Promise((done) => {
      const over = () => {
        clearTimeout(timer);
        removeEventListener("online", over);
        document.removeEventListener("visibilitychange", over);
        done();
      };
      const timer = setTimeout(over, ms);
      addEventListener("online", over);
      document.addEventListener("visibilitychange", over);
    });
  }

  // As an ordinary form, so that the server's own page answers.
  function submit({ address, fields }) {
    const plain = document.createElement("form");
    plain.method = "post";
    plain.action = address;
    for (const [name, value] of Object.entries({ ...fields, csrf_token: proof })) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      plain.append(field);
    }
    document.body.append(plain);
    plain.submit();
  }

  // All is sent, and there is a line: the server can be asked for another page.
  const clear = () => queue.length === 0 && navigator.onLine;

  async function cleared() {
    while (!clear()) await new Promise((done) => setTimeout(done, 100));
  }

  return { queue, kiosk, keep, post, page, pause, submit, clear, cleared };
})();
