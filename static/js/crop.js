// A square is picked out of a picture: dragged, brought closer with two fingers, the wheel, the slider, or by keys. The server cuts it.
(function () {
  "use strict";
  const LEAST = 0.2; // of the shorter edge

  // `root` holds a canvas and a slider from 0 to 100. `show(file)` says whether it is a picture; `box()` is what the server wants to know.
  window.qxCrop = function (root) {
    const canvas = root.querySelector("canvas"), zoom = root.querySelector("[type=range]"), fingers = new Map();
    let picture, at = { x: 0.5, y: 0.5, side: 1 };

    function square() { // in pixels of the picture
      const side = Math.min(picture.width, picture.height) * at.side;
      const within = (middle, length) => Math.min(Math.max(middle * length - side / 2, 0), length - side);
      const left = within(at.x, picture.width), top = within(at.y, picture.height);
      at.x = (left + side / 2) / picture.width; at.y = (top + side / 2) / picture.height;
      return { left, top, side };
    }
    function draw() {
      const cut = square(), pen = canvas.getContext("2d");
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(picture, cut.left, cut.top, cut.side, cut.side, 0, 0, canvas.width, canvas.height);
    }
    function move(dx, dy) {
      const scale = square().side / canvas.clientWidth;
      at.x -= dx * scale / picture.width; at.y -= dy * scale / picture.height;
      draw();
    }
    function closer(side) {
      at.side = Math.min(1, Math.max(LEAST, side));
      zoom.value = Math.round(100 * (1 - at.side) / (1 - LEAST));
      draw();
    }
    const apart = () => { const [one, two] = [...fingers.values()]; return Math.hypot(one.x - two.x, one.y - two.y); };

    zoom.addEventListener("input", () => { at.side = 1 - zoom.value / 100 * (1 - LEAST); draw(); });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); closer(at.side * (event.deltaY > 0 ? 1.08 : 0.92)); }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, { x: event.clientX, y: event.clientY }); canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      const was = fingers.get(event.pointerId);
      if (!was) return;
      const before = fingers.size === 2 && apart();
      fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (before) closer(at.side * before / Math.max(1, apart()));
      move((event.clientX - was.x) / fingers.size, (event.clientY - was.y) / fingers.size);
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [12, 0], ArrowRight: [-12, 0], ArrowUp: [0, 12], ArrowDown: [0, -12] }[event.key];
      const nearer = { "+": 0.92, "=": 0.92, "-": 1.08 }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey || !(step || nearer)) return;
      event.preventDefault();
      step ? move(...step) : closer(at.side * nearer);
    });

    return {
      async show(file) {
        try { picture = await createImageBitmap(file); } catch { return false; }
        at = { x: 0.5, y: 0.5, side: 1 }; zoom.value = 0;
        draw();
        return true;
      },
      focus() { canvas.focus(); },
      box() { const cut = square(); return { left: cut.left / picture.width, top: cut.top / picture.height, side: at.side }; },
    };
  };

  // <input type="file" data-crop="#dialog">: the square is picked in the dialog, and then the form of the field is sent

  const choosers = new WeakMap();
  document.addEventListener("change", async ({ target }) => {
    const dialog = target.dataset?.crop && document.querySelector(target.dataset.crop);
    const file = dialog && target.files[0];
    if (!file) return;
    const refuse = (text) => { target.value = ""; qx.toast({ text, kind: "warn" }); };
    if (file.size > Number(dialog.dataset.heaviest)) return refuse(dialog.dataset.tooLarge);
    if (!choosers.has(dialog)) choosers.set(dialog, window.qxCrop(dialog));
    const chooser = choosers.get(dialog);
    if (!await chooser.show(file)) return refuse(dialog.dataset.noPicture);
    target.closest("details")?.removeAttribute("open");
    qx.open(dialog);
    chooser.focus();
    dialog.querySelector("[data-take]").onclick = () => {
      for (const [name, value] of Object.entries(chooser.box())) target.form.elements[name].value = value;
      dialog.onclose = null;
      dialog.close();
      target.form.requestSubmit();
    };
    dialog.onclose = () => { target.value = ""; };
  });
})();
