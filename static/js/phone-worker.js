/* Keeps today's list on the phone. PHONE is said by the page's own worker.js: whose phone this is and which files it needs. */
"use strict";

const { seat, home, assets, version } = self.PHONE;
const HOUSE = `phone:${home}:`;
const CACHE = `${HOUSE}${seat}:${version}`;
const PATIENCE = 3000; // in a lift a line that hangs is worse than none
const KEPT = [home, `${home}me/`, `${home}arrivals/`];
const PICTURES = 40;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // Without today's list it does not take the place of the one before, which has it.
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(assets)).then(keepToday).then((isKept) => { if (!isKept) throw new Error("not today"); }));
});

self.addEventListener("activate", (event) => {
  // Another seat's list, and files of an older version, do not stay.
  event.waitUntil(forget((name) => name !== CACHE).then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  if (event.data === "today") event.waitUntil(keepToday());
  if (event.data === "arrivals") event.waitUntil(keepAnew(`${home}arrivals/`));
});

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(event, url));
  else if (assets.includes(url.pathname)) event.respondWith(asset(event, url.pathname));
  else if (url.pathname.startsWith(home) && url.pathname.endsWith("/picture/")) event.respondWith(picture(event.request, url.pathname));
});

async function page(event, url) {
  const cache = await caches.open(CACHE);
  const asked = fetch(event.request).then((answer) => {
    // Led to the sign-in page, or the seat was taken away: this phone is nobody's now.
    if (answer.type === "opaqueredirect" || answer.redirected || (url.pathname === home && [403, 404].includes(answer.status))) forget(() => true);
    else if (answer.ok && KEPT.includes(url.pathname)) event.waitUntil(keep(cache, url.pathname, answer.clone()));
    return answer;
  });
  const kept = await cache.match(url.pathname) || await cache.match(home);
  if (!kept) return asked;
  asked.catch(() => {});
  // A line that hangs or a server that stumbles is no matter where this very thing is on the phone; of what is not, the list would be no answer.
  const isHeld = await holds(cache, url.pathname);
  const inTime = isHeld ? Promise.race([asked, late()]) : asked;
  return inTime.then((answer) => (isHeld && answer.status >= 500 ? kept : answer)).catch(() => kept);
}

/* Whether this page is kept, or today's list has all that this task's page would say: neither a newcomer's step nor a wish for a photo. */
async function holds(cache, path) {
  if (await cache.match(path)) return true;
  const task = path.match(/\/tasks\/([0-9a-f-]{36})\/$/), list = task && await cache.match(home);
  const row = list && (await list.text()).split(`<article`).find((each) => each.includes(` data-task="${task[1]}"`));
  return Boolean(row) && row.includes('data-do="copy"') && !row.includes(" data-photo=");
}

/* What is kept is shown at once; it is renewed for the next time. */
async function asset(event, path) {
  const cache = await caches.open(CACHE);
  const asked = fetch(event.request).then((answer) => {
    if (answer.ok) event.waitUntil(cache.put(path, answer.clone()));
    return answer;
  });
  const kept = await cache.match(path);
  if (!kept) return asked;
  event.waitUntil(asked.catch(() => {}));
  return kept;
}

async function picture(request, path) {
  return await (await caches.open(CACHE)).match(path) || fetch(request);
}

const keepToday = () => keepAnew(home);

async function keepAnew(path) {
  const answer = await fetch(path, { credentials: "same-origin" }).catch(() => null);
  if (!answer || !answer.ok || answer.redirected) return false;
  if (!await caches.has(CACHE)) return false; // who signed out meanwhile leaves nothing behind
  await keep(await caches.open(CACHE), path, answer);
  return true;
}

/* A page, and with today's list the pictures that go out with its texts; those of yesterday go. */
async function keep(cache, path, answer) {
  const said = path === home ? await answer.clone().text() : "";
  await cache.put(path, answer);
  if (!said) return;
  const wanted = [...said.matchAll(/ data-picture="([^"]+)"/g)].map((found) => found[1]).slice(0, PICTURES);
  const kept = (await cache.keys()).map((request) => new URL(request.url).pathname).filter((each) => each.endsWith("/picture/"));
  for (const each of kept.filter((each) => !wanted.includes(each))) await cache.delete(each);
  for (const each of wanted.filter((each) => !kept.includes(each))) await cache.add(each).catch(() => {});
}

async function forget(which) {
  const names = (await caches.keys()).filter((name) => name.startsWith(HOUSE) && which(name));
  await Promise.all(names.map((name) => caches.delete(name)));
}

function late() {
  return new Promise((_, refuse) => setTimeout(refuse, PATIENCE));
}
