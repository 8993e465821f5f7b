/* A picture into the chat app, and a photo that shows what was done. */
import { end } from "./acts.js";
import { $, $$, say, token } from "./page.js";
import { toast } from "./slip.js";

/** Into the chat app by the phone's own menu; where it has none, into its downloads. */
export async function share(link) {
  try {
    const answer = await fetch(link.href);
    const picture = await answer.blob();
    const shared = { files: [new File([picture], link.dataset.name, { type: picture.type })] };
    if (answer.ok && navigator.canShare?.(shared)) return await navigator.share(shared);
  } catch (error) {
    if (error.name === "AbortError") return; // they thought better of it
  }
  const saved = document.createElement("a");
  Object.assign(saved, { href: link.href, download: link.dataset.name });
  saved.click();
}

/** A photo as proof goes at once: the outbox holds words alone. */
export async function prove(form) {
  const [field, holder] = [$("[type=file]", form), form.closest("[data-task]")];
  const label = $(".pick span", form), words_ = label.textContent;
  if (!field.files.length || form.getAttribute("aria-busy")) return;
  form.setAttribute("aria-busy", "true");
  label.textContent = say("photoSending");
  const sent = new FormData(form);
  sent.delete("act");
  let sentence = say("photoOffline"), kept = false;
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json", "X-CSRFToken": token() }, body: sent });
    kept = answer.ok;
    sentence = (answer.headers.get("Content-Type") || "").includes("json") ? (await answer.json()).sentence : say("signedOut");
  } catch { /* no network */ }
  form.removeAttribute("aria-busy");
  label.textContent = words_;
  field.value = "";
  $$("dialog[open]").forEach((dialog) => dialog.close());
  if (kept && form.dataset.proof === "done") return end(holder, "done");
  if (!kept) return toast(sentence);
  sessionStorage.setItem("slip", JSON.stringify({ sentence }));
  location.reload();
}
