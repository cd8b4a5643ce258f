// Loads the page again when a template is saved, and moves the switches without loading it. The page works without this.
"use strict";

const live = document.querySelector(".live");
const stamp = document.body.dataset.stamp;
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const seen = () =>
  new Promise((done) => {
    if (!document.hidden) done();
    else document.addEventListener("visibilitychange", () => done(), { once: true });
  });

// A page that was left is kept for the way back, and with it its connection, of which a browser has six for one server.
const leaving = new AbortController();
addEventListener("pagehide", () => leaving.abort());
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

async function changed() {
  const options = { cache: "no-store", signal: leaving.signal };
  const answer = await fetch("/changes?since=" + encodeURIComponent(stamp), options);
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.text()) !== stamp;
}

function tell(words) {
  if (live.textContent !== words) live.textContent = words; // a screen reader says what is written, even the same again
}

async function listen() {
  for (;;) {
    await seen(); // a browser keeps few connections to one server: a page that nobody sees holds none
    try {
      tell("Live: shows what you save");
      if (await changed()) break;
    } catch {
      if (leaving.signal.aborted) return;
      tell("The preview is not running");
      await pause(2);
    }
  }
  location.reload();
}

function apply(key, value) {
  for (const frame of document.querySelectorAll("iframe")) {
    if (key === "mode") {
      const source = new URL(frame.src);
      source.searchParams.set("mode", value);
      frame.src = source.href;
    } else if (frame.closest("." + key)) {
      frame.width = value;
    }
  }
}

// Every address on the page that leads back to it says the new choice too.
function remember(key, value) {
  for (const link of document.querySelectorAll("main a")) {
    const address = new URL(link.href);
    if (address.pathname !== location.pathname || link.dataset.switch === key) continue;
    address.searchParams.set(key, value);
    link.href = address.href;
  }
  for (const field of document.querySelectorAll('input[name="back"]')) {
    const address = new URL(field.value, location.href);
    address.searchParams.set(key, value);
    field.value = address.pathname + address.search;
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-switch]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const key = link.dataset.switch;
  const value = new URL(link.href).searchParams.get(key);
  apply(key, value);
  remember(key, value);
  history.replaceState(null, "", link.href);
  for (const other of link.parentElement.querySelectorAll("a")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
});

// What became of a mail is told once.
const here = new URL(location.href);
if (here.searchParams.has("result")) {
  here.searchParams.delete("result");
  history.replaceState(null, "", here);
}

listen();
