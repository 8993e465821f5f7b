/* Passkeys: add one, sign in with one, prove with one that it is you. The forms stay hidden where the browser knows none. */
(() => {
  "use strict";

  const { webauthnJSON } = window;

  async function asked(form) {
    const given = form.querySelector("script[type='application/json']");
    if (given) return JSON.parse(given.textContent);
    const answer = await fetch(form.action, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
    if (!answer.ok) throw new Error(answer.status);
    return (await answer.json()).request_options;
  }

  async function credential(form) {
    const options = await asked(form);
    if (form.dataset.passkey !== "add") return webauthnJSON.get(options);
    // It is to sign in alone: it lies on the device, which asks for a finger, a face or a PIN.
    Object.assign(options.publicKey.authenticatorSelection, { residentKey: "required", requireResidentKey: true, userVerification: "required" });
    return webauthnJSON.create(options);
  }

  async function send(form) {
    const says = form.querySelector("[role='alert']");
    says.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(await credential(form));
    } catch (error) {
      const cancelled = ["NotAllowedError", "AbortError", "InvalidStateError"].includes(error.name);
      says.textContent = cancelled ? form.dataset.cancelled : form.dataset.failed;
      says.hidden = false;
      delete form.dataset.busy;
      form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
      return;
    }
    form.submit();
  }

  if (!window.PublicKeyCredential) return;
  document.querySelectorAll("[data-no-passkeys]").forEach((note) => note.remove());
  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  });
})();
