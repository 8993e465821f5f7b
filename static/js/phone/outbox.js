/* Acts that wait on this phone under ids of their own: sent twice, each is one act. */
import { body, rendered } from "./page.js";

export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID(); // only in a secure context
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

let unkept = null;

export const box = {
  get name() { return `phone:${body.dataset.home}:${body.dataset.seat}`; },
  all() { if (unkept) return unkept; try { return JSON.parse(localStorage.getItem(this.name)) || []; } catch { return []; } },
  keep(entries) {
    const written = (some) => { try { localStorage.setItem(this.name, JSON.stringify(some)); return true; } catch { return false; } };
    const unsent = entries.filter((entry) => entry.state !== "sent"); // where the phone is full, what was answered goes first
    unkept = written(entries) || written(unsent) ? null : unsent;
  },
  /** Whether what waits here goes with this page, since the phone is full. */
  isUnkept() { return Boolean(unkept) && this.in("waiting").length > 0; },
  add(entry) { this.keep([...this.all(), entry]); },
  change(key, values) { this.keep(this.all().map((entry) => (entry.key === key ? { ...entry, ...values } : entry))); },
  drop(key) { this.keep(this.all().filter((entry) => entry.key !== key)); },
  in(...states) { return this.all().filter((entry) => states.includes(entry.state)); },
  // An answered act is remembered until the page that we show was made after it.
  tidy() { this.keep(this.all().filter((entry) => entry.state !== "sent" || Date.parse(entry.answered) >= rendered)); },
};
