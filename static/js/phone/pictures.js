/* A picture into the chat app, and a photo that shows what was done. */
import { end } from "./acts.js";
import { $, $$, say, token } from "./page.js";
import { toast } from "./slip.js";

const SIDE = 1600, LIGHT = 500_000;

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
  sent.set("photo", await smaller(field.files[0]));
  let sentence = say("photoOffline"), kept = false;
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json", "X-CSRFToken": token() }, body: sent });
    const said = (answer.headers.get("Content-Type") || "").includes("json") ? await answer.json() : {};
    kept = answer.ok && said.task === holder.dataset.task;
    sentence = said.sentence || say("signedOut");
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

/** A camera makes ten megabytes of what is shown at 1600 pixels; what this phone cannot draw goes as it is. */
async function smaller(photo) {
  try {
    const drawn = await createImageBitmap(photo);
    const share = Math.min(1, SIDE / Math.max(drawn.width, drawn.height));
    if (share === 1 && photo.size < LIGHT) return photo;
    const canvas = Object.assign(document.createElement("canvas"), { width: drawn.width * share, height: drawn.height * share });
    canvas.getContext("2d").drawImage(drawn, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((go) => canvas.toBlob(go, "image/jpeg", 0.85));
    return made && made.size < photo.size ? new File([made], "photo.jpg", { type: made.type }) : photo;
  } catch {
    return photo;
  }
}
