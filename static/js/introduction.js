/* The introduction form: saves as one types, keeps what the network lost, asks for words, sends the photo. Without it the form is plain. */
(function () {
  "use strict";
  const me = document.currentScript;
  const forget = me && me.dataset.forget;
  if (forget) { try { localStorage.removeItem("hello-" + forget); } catch { /* private window */ } return; }
  const form = document.getElementById("introduction");
  if (!form) return;
  document.documentElement.classList.add("js");
  const $ = (what, within) => (within || form).querySelector(what);
  const key = "hello-" + form.dataset.id, path = form.dataset.path, extra = form.dataset.lang;
  const state = $("[data-state]"), stale = $("[data-stale]"), over = $("[data-over]"), progress = $("progress"), count = $("[data-progress]");
  const owns = [...form.querySelectorAll("[data-own]")]; // fields of the community's own
  const WAIT = 900, AGAIN = 8000, NAMES = ["nickname", "city", "industry", "offers", "seeks"];
  let version = Number(form.dataset.version), timer, busy = false, dirty = false, blocked = false, wantsToSend = false;
  let skills = JSON.parse(document.getElementById("skills").textContent).skills;

  // What stands in the form

  function answers() {
    const said = { skills, consents: [...form.querySelectorAll("[name=consents]:checked")].map((box) => box.value) };
    for (const name of NAMES) said[name] = form.elements[name].value;
    said.custom = {};
    for (const own of owns) {
      const boxes = [...own.querySelectorAll("[type=checkbox]")];
      said.custom[own.dataset.own] = boxes.length ? boxes.filter((box) => box.checked).map((box) => box.value) : own.querySelector("input, select").value;
    }
    return said;
  }
  function fill(said) {
    for (const name of NAMES) form.elements[name].value = said[name] || "";
    for (const box of form.querySelectorAll("[name=consents]")) box.checked = (said.consents || []).includes(box.value);
    for (const own of owns) {
      const value = (said.custom || {})[own.dataset.own] || "";
      for (const field of own.querySelectorAll("input, select")) { if (field.type === "checkbox") field.checked = value.includes(field.value); else field.value = value; }
    }
    skills = said.skills || [];
    drawSkills();
    counted();
  }
  function counted() {
    const said = answers();
    const filled = NAMES.filter((name) => said[name].trim()).length + (skills.length ? 1 : 0) + Object.values(said.custom).filter((value) => Array.isArray(value) ? value.length : value.trim()).length;
    count.textContent = count.dataset.words.replace("{n}", filled).replace("{all}", count.dataset.all);
    progress.value = filled;
  }
  function say(words) { state.textContent = state.dataset[words] || words; }

  // Kept on this phone until the server has it

  function keep() { try { localStorage.setItem(key, JSON.stringify({ version, answers: answers() })); } catch { /* private window */ } }
  function kept() { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } }
  function drop() { try { localStorage.removeItem(key); } catch { /* private window */ } }

  function changed() {
    dirty = true;
    counted();
    keep();
    clearTimeout(timer);
    timer = setTimeout(again, WAIT);
  }

  async function save() {
    if (busy || blocked || !dirty) return !dirty;
    busy = true; dirty = false;
    say("saving");
    let answer, said = {};
    try {
      answer = await fetch(path + "draft/" + extra, {
        method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, referrerPolicy: "no-referrer",
        body: JSON.stringify({ version, answers: answers() }),
      });
      said = await answer.json();
    } catch {
      busy = false; dirty = true;
      say(answer ? "failed" : wantsToSend ? "later" : "offline");
      timer = setTimeout(again, AGAIN);
      return false;
    }
    busy = false;
    if (answer.ok || (answer.status === 410 && said.version !== undefined)) {
      version = said.version;
      form.elements.version.value = version;
      if (dirty) { keep(); return save(); }
      drop();
      say("saved");
      if (answer.status === 410) { notSent(); tellOver(said.sentence); }
      return answer.ok;
    }
    dirty = true;
    if (answer.status < 500 && answer.status !== 429) notSent();
    if (answer.status === 409 && said.answers) { blocked = true; stale.hidden = false; stale.newer = said; stale.scrollIntoView({ block: "center" }); }
    else if (answer.status === 410 || answer.status === 409) tellOver(said.sentence);
    else { say(said.sentence || "failed"); if (answer.status === 429 || answer.status >= 500) timer = setTimeout(again, AGAIN); }
    return false;
  }
  function tellOver(sentence) { blocked = true; over.textContent = sentence; over.hidden = false; over.scrollIntoView({ block: "center" }); }

  $("[data-newer]").addEventListener("click", () => {
    const newer = stale.newer;
    version = newer.version; form.elements.version.value = version;
    fill(newer.answers);
    dirty = blocked = false; stale.hidden = true;
    drop(); say("saved");
  });
  $("[data-mine]").addEventListener("click", () => {
    version = stale.newer.version; form.elements.version.value = version;
    dirty = true; blocked = false; stale.hidden = true;
    save();
  });

  form.addEventListener("input", (event) => { if (!event.target.closest("[data-photo], .adder")) changed(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!over.hidden || $("[data-send]").hasAttribute("aria-busy")) return;
    takeTyped();
    $("[data-send]").setAttribute("aria-busy", "true");
    clearTimeout(timer);
    if (!crop.hidden && !await takePhoto()) { notSent(); says.scrollIntoView({ block: "center" }); return; } // a square that was being picked goes along
    wantsToSend = dirty = true; // so that the network is tried before the page is left
    again();
  });
  async function again() {
    const saved = await save();
    if (saved && wantsToSend) hand();
  }
  function notSent() { wantsToSend = false; $("[data-send]").removeAttribute("aria-busy"); }
  function hand() {
    form.dataset.ready = "1";
    for (const file of form.querySelectorAll("[type=file]")) file.disabled = true; // it went on its own
    for (const row of form.querySelectorAll("[data-rows] input, [data-rows] select")) row.disabled = true;
    for (const each of skills) { hidden("skill", each.name); hidden("level", each.level || ""); }
    hidden("act", "send");
    form.submit();
  }
  function hidden(name, value) { const field = document.createElement("input"); field.type = "hidden"; field.name = name; field.value = value; form.append(field); }
  window.addEventListener("online", () => { clearTimeout(timer); again(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // Words of the community

  const asking = {};
  function suggest(field, kind, list) {
    clearTimeout(asking[kind]);
    asking[kind] = setTimeout(async () => {
      const text = field.value.trim();
      if (!text) return;
      try {
        const answer = await fetch(path + "words/?kind=" + kind + "&q=" + encodeURIComponent(text), { headers: { Accept: "application/json" }, referrerPolicy: "no-referrer" });
        const said = await answer.json();
        list.replaceChildren(...(said.words || []).map((word) => Object.assign(document.createElement("option"), { value: word })));
      } catch { /* without words it is typed in full */ }
    }, 250);
  }
  for (const field of form.querySelectorAll("[data-words]")) {
    field.addEventListener("input", () => suggest(field, field.dataset.words, document.getElementById("l-" + field.dataset.words)));
  }

  // Skills as chips

  const box = $("[data-skills]"), levels = box.dataset.levels.split("|");
  const chips = document.createElement("div"), adder = document.createElement("div"), typing = document.createElement("input"), add = document.createElement("button");
  chips.className = "chips"; adder.className = "adder";
  typing.id = "skill-typing"; typing.setAttribute("list", "l-skill"); typing.maxLength = 30; typing.lang = "zh"; typing.autocomplete = "off"; typing.placeholder = box.dataset.placeholder; typing.setAttribute("aria-label", box.dataset.placeholder);
  add.type = "button"; add.className = "button quiet"; add.textContent = box.dataset.add;
  adder.append(typing, add);
  const help = Object.assign(document.createElement("p"), { className: "help", textContent: box.dataset.one });
  box.querySelector("[data-rows]").after(chips, adder, help);
  for (const row of box.querySelectorAll("[data-rows] input, [data-rows] select")) row.disabled = true;

  function drawSkills() {
    chips.replaceChildren(...skills.map((each, at) => {
      const chip = document.createElement("span"), name = document.createElement("span"), level = document.createElement("button"), off = document.createElement("button");
      chip.className = "chip"; name.lang = "zh"; name.textContent = each.name;
      level.type = off.type = "button";
      level.textContent = each.level ? levels[each.level - 1] : "—";
      level.setAttribute("aria-label", each.name + " " + box.dataset.level + ": " + level.textContent);
      level.addEventListener("click", () => { each.level = ((each.level || 0) % 3) + 1; drawSkills(); chips.children[at].querySelector("button").focus(); changed(); });
      off.textContent = "×"; off.dataset.off = ""; off.setAttribute("aria-label", box.dataset.remove + " " + each.name);
      off.addEventListener("click", () => { skills.splice(at, 1); drawSkills(); typing.focus(); changed(); });
      chip.append(name, level, off);
      return chip;
    }));
    adder.hidden = skills.length >= Number(form.dataset.mostSkills);
  }
  function takeTyped() {
    const words = typing.value.split(/[,，、;；]/).map((word) => word.trim()).filter(Boolean);
    if (!words.length) return;
    for (const name of words) if (!skills.some((each) => each.name === name) && skills.length < Number(form.dataset.mostSkills)) skills.push({ name: name.slice(0, 30), level: null });
    typing.value = "";
    drawSkills();
    changed();
  }
  add.addEventListener("click", () => { takeTyped(); typing.focus(); });
  typing.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); takeTyped(); } });
  typing.addEventListener("input", () => suggest(typing, "skill", document.getElementById("l-skill")));
  typing.addEventListener("change", () => { if ([...document.getElementById("l-skill").options].some((word) => word.value === typing.value.trim())) takeTyped(); });
  drawSkills();

  // The photo: one picks the square, the server cuts it

  const photo = $("[data-photo]"), chosen = $("#photo"), crop = $("[data-crop]"), take = $("[data-take]"), remove = $("[data-remove-photo]"), says = $("[data-photo-says]");
  const chooser = window.qxCrop(crop);
  chosen.addEventListener("change", async () => {
    const file = chosen.files[0];
    crop.hidden = true;
    if (!file) return;
    if (file.size > Number(form.dataset.heaviest)) { chosen.value = ""; says.textContent = photo.dataset.tooLarge; return; }
    if (!await chooser.show(file)) { chosen.value = ""; says.textContent = photo.dataset.noPicture; return; }
    crop.hidden = false;
    chooser.focus();
  });
  async function post(data) {
    const answer = await fetch(path + "photo/" + extra, { method: "POST", body: data, headers: { Accept: "application/json" }, referrerPolicy: "no-referrer" });
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(), { sentence: said.sentence });
    return said;
  }
  async function takePhoto() {
    const data = new FormData();
    for (const [name, value] of Object.entries(chooser.box())) data.set(name, value);
    data.set("photo", chosen.files[0]);
    take.setAttribute("aria-busy", "true");
    try {
      const said = await post(data);
      let shown = $("[data-shown]");
      if (!shown) { shown = Object.assign(document.createElement("img"), { alt: "", width: 96, height: 96 }); shown.dataset.shown = ""; $("[data-nobody]").hidden = true; $("[data-nobody]").after(shown); }
      shown.src = said.photo + "?v=" + Date.now();
      crop.hidden = true; remove.hidden = false; chosen.value = ""; says.textContent = photo.dataset.saved;
    } catch (fault) { says.textContent = fault.sentence || photo.dataset.failed; }
    take.removeAttribute("aria-busy");
    return crop.hidden;
  }
  take.addEventListener("click", async () => { if (await takePhoto()) document.querySelector("label[for=photo]").scrollIntoView({ block: "nearest" }); });
  remove.addEventListener("click", async () => {
    const data = new FormData(); data.set("remove", "1");
    try { await post(data); $("[data-shown]").remove(); $("[data-nobody]").hidden = false; remove.hidden = true; chosen.focus(); says.textContent = photo.dataset.noPhoto; } catch (fault) { says.textContent = fault.sentence || photo.dataset.failed; }
  });

  // What an earlier visit could not save

  const left = kept();
  if (left && left.answers) {
    fill(left.answers);
    dirty = true;
    if (left.version <= version) { version = left.version; form.elements.version.value = version; save(); } else drop();
  }
  const faults = document.getElementById("faults");
  if (faults) faults.focus();
})();
