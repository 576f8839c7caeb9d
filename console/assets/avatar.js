// A picture: chosen or dropped, cropped to a square here, sent straight to S3, then waited for.
import { call, Problem, Unreachable } from "./api.js";
import { confirmed, el, face, fullName, sleep, toast } from "./dom.js";

const SIDE = 512;
const TYPES = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/** The picture's place in the sheet; `changed(user, etag)` hears of each new picture. */
export function avatarField(user, etag, changed) {
  const place = el("section", { class: "avatar", "aria-label": "Picture" });
  const chooser = el("input", { type: "file", accept: TYPES.join(","), class: "hidden", tabIndex: -1, id: "picture", "aria-label": "Choose a picture" });
  chooser.addEventListener("change", () => { if (chooser.files[0]) take(chooser.files[0]); chooser.value = ""; });

  let isBusy = false;
  let trouble = "";
  const idle = (words = "") => {
    isBusy = false;
    trouble = words;
    const isFocused = place.contains(document.activeElement);
    const choose = el("button", { type: "button", class: "quiet", onclick: () => chooser.click() }, user.avatar ? "Change picture" : "Add a picture");
    const remove = user.avatar && el("button", { type: "button", class: "quiet", onclick: clear }, "Remove");
    place.replaceChildren(
      el("div", { class: "drop" }, face(user, true), el("div", {},
        el("div", { class: "row start" }, choose, remove),
        el("p", { class: "hint" }, "Or drop a JPEG, PNG, WebP or GIF here."),
        el("p", { class: "error", role: "alert", hidden: !trouble }, trouble))),
      chooser);
    if (isFocused) choose.focus();
  };

  for (const kind of ["dragenter", "dragover"]) {
    place.addEventListener(kind, (event) => { event.preventDefault(); place.classList.add("over"); });
  }
  for (const kind of ["dragleave", "drop"]) {
    place.addEventListener(kind, (event) => { event.preventDefault(); place.classList.remove("over"); });
  }
  place.addEventListener("drop", (event) => { if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); });

  async function take(file) {
    if (!TYPES.includes(file.type)) return idle("That is not a JPEG, PNG, WebP or GIF.");
    try {
      crop(await createImageBitmap(file), file.type);
    } catch {
      idle("That file cannot be read as a picture.");
    }
  }

  function crop(bitmap, type) {
    isBusy = true;
    const stage = el("canvas", { width: SIDE, height: SIDE, class: "stage", tabIndex: 0, role: "img", "aria-label": "Preview. Move the picture with the arrow keys." });
    const zoom = el("input", { type: "range", min: 1, max: 4, step: 0.01, value: 1, id: "zoom" });
    const brush = stage.getContext("2d");
    const least = SIDE / Math.min(bitmap.width, bitmap.height);
    let [x, y] = [0.5, 0.5];

    const draw = () => {
      const scale = least * Number(zoom.value);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      const within = (centre, size) => Math.min(Math.max(centre, SIDE / 2 / size), 1 - SIDE / 2 / size);
      [x, y] = [within(x, width), within(y, height)];
      brush.clearRect(0, 0, SIDE, SIDE);
      brush.imageSmoothingQuality = "high";
      brush.drawImage(bitmap, SIDE / 2 - x * width, SIDE / 2 - y * height, width, height);
    };
    const move = (dx, dy) => {
      const scale = least * Number(zoom.value);
      x -= dx / (bitmap.width * scale);
      y -= dy / (bitmap.height * scale);
      draw();
    };
    zoom.addEventListener("input", draw);
    stage.addEventListener("pointerdown", (event) => stage.setPointerCapture(event.pointerId));
    stage.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      const ratio = SIDE / stage.clientWidth;
      move(event.movementX * ratio, event.movementY * ratio);
    });
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom.value = Number(zoom.value) - event.deltaY / 500;
      draw();
    }, { passive: false });
    stage.addEventListener("keydown", (event) => {
      const [dx, dy] = { ArrowLeft: [-16, 0], ArrowRight: [16, 0], ArrowUp: [0, -16], ArrowDown: [0, 16] }[event.key] ?? [];
      if (dx === undefined) return;
      event.preventDefault();
      move(dx, dy);
    });
    const use = async () => {
      // WebP keeps what is see-through; where it cannot be written, the browser gives a PNG.
      const blob = await new Promise((done) => stage.toBlob(done, type === "image/jpeg" ? type : "image/webp", 0.92));
      send(blob);
    };
    place.replaceChildren(el("div", { class: "crop" }, stage,
      el("label", { class: "field", for: "zoom" }, "Zoom", zoom),
      el("p", { class: "hint" }, "Drag it, or move it with the arrow keys."),
      el("div", { class: "row start" },
        el("button", { type: "button", class: "primary", onclick: use }, "Use this picture"),
        el("button", { type: "button", class: "quiet", onclick: () => idle() }, "Cancel"))));
    draw();
    stage.focus();
  }

  async function send(blob) {
    const bar = el("progress", { max: 1, value: 0, "aria-label": "Upload" });
    const words = el("p", { class: "hint", role: "status", tabIndex: -1 }, "Sending …");
    place.replaceChildren(el("div", { class: "drop" }, face(user, true), el("div", { class: "sending" }, bar, words)));
    words.focus();
    try {
      const body = { contentType: blob.type, contentLength: blob.size };
      const checksum = await sha256(blob);
      if (checksum) body.checksumSha256 = checksum;
      const { body: asked } = await call("POST", `/users/${user.id}/avatar-uploads`, { body });
      await put(asked, blob, (part) => { bar.value = part; });
      words.textContent = "Looking at it …";
      bar.removeAttribute("value");
      await attached(asked.uploadId);
    } catch (error) {
      return idle(error instanceof Problem || error instanceof Unreachable || error instanceof Refused ? `Not saved. ${error.message}` : "Not saved. S3 did not take the picture.");
    }
    toast("The picture was saved.");
    await refresh().catch(() => idle("Saved. Close and open this person to see it."));
  }

  async function attached(upload) {
    for (let turn = 0; turn < 120; turn += 1) {
      const { body } = await call("GET", `/users/${user.id}/avatar-uploads/${upload}`);
      if (body.state === "attached") return;
      if (body.state === "rejected") throw new Refused(body.reason?.detail ?? "The picture was refused.");
      await sleep(250);
    }
    throw new Refused("It is still being looked at; it will appear here when it is done.");
  }

  async function clear() {
    // What is asked about, whatever comes while it is asked.
    const named = etag;
    if (!(await confirmed("Remove the picture?", `${fullName(user)} will be shown with initials.`, "Remove"))) return;
    try {
      await call("DELETE", `/users/${user.id}/avatar`, { ifMatch: named });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) return idle(`Not removed. ${error.message}`);
      // The button then stands beside what would be removed.
      await refresh().catch(() => {});
      return idle("Not removed, for somebody changed this person meanwhile. Look at it, and remove it again if you still want to.");
    }
    await refresh().catch(() => idle("Removed. Close and open this person to see it."));
  }

  async function refresh() {
    const { body, etag: tag } = await call("GET", `/users/${user.id}`);
    [user, etag] = [body, tag];
    idle();
    changed(body, tag);
  }

  idle();
  // A picture that is being chosen or sent is not taken away by a change made elsewhere.
  const show = (now, tag) => {
    if (now.version <= user.version) return;
    [user, etag] = [now, tag];
    if (!isBusy) idle(trouble);
  };
  return { place, show };
}

class Refused extends Error {}

/** Sends the file as the directory said; only XMLHttpRequest tells how far it is. */
function put({ method, url, headers = {}, fields }, blob, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      // The browser sets the length by itself, and lets nobody else.
      if (name.toLowerCase() !== "content-length" && name.toLowerCase() !== "host") request.setRequestHeader(name, value);
    }
    request.upload.addEventListener("progress", (event) => progress(event.lengthComputable ? event.loaded / event.total : 0));
    request.addEventListener("load", () => (request.status < 300 ? done() : failed(new Error(`S3 answered ${request.status}`))));
    for (const kind of ["error", "abort", "timeout"]) request.addEventListener(kind, () => failed(new Error(kind)));
    if (!fields) return request.send(blob);
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", blob);
    request.send(form);
  });
}

/** In base64; nothing where the page is not served safely, for browsers then have no SHA-256. */
async function sha256(blob) {
  if (!globalThis.crypto?.subtle) return null;
  const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(hash)));
}
