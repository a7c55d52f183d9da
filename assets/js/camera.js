// Reads a serial number by the camera: <div data-camera="id of the field" hidden>. Only where the browser finds bar
// codes by itself and there is a camera; everywhere else the number is typed. Pictures never leave the device.

const wanted = ["code_128", "code_39", "ean_13", "ean_8", "qr_code", "data_matrix"];
// A code beside the serial number may hold an address or a secret: neither belongs into the field.
const serial = /^[\p{L}\p{N}][\p{L}\p{N} ./_-]{2,63}$/u;

const hasCamera = async () => {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.some((device) => device.kind === "videoinput");
};

async function offer(box) {
  if (!("BarcodeDetector" in window) || !(await hasCamera())) return;
  const known = await BarcodeDetector.getSupportedFormats();
  const formats = wanted.filter((format) => known.includes(format));
  if (formats.length === 0) return;

  const part = (name) => box.querySelector(`[data-camera-${name}]`);
  const [open, close, view, words] = ["open", "close", "view", "words"].map(part);
  const video = box.querySelector("video");
  const field = document.getElementById(box.dataset.camera);
  // What is under way; another object, or none, once it is over.
  let scan = null;

  const stop = (text, focus) => {
    scan?.stream?.getTracks().forEach((track) => track.stop());
    scan = null;
    video.srcObject = null;
    view.hidden = true;
    open.hidden = false;
    words.textContent = text;
    focus?.focus();
  };

  const look = async (mine, detector) => {
    while (scan === mine) {
      // A frame that is not there yet, or cannot be read, is followed by the next.
      const found = await detector.detect(video).catch(() => []);
      if (scan !== mine) return;
      const text = found.map((code) => code.rawValue.trim()).find((text) => serial.test(text));
      if (text) {
        field.value = text;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        return stop(box.dataset.found, field);
      }
      await new Promise((later) => setTimeout(later, 150));
    }
  };

  open.addEventListener("click", async () => {
    const mine = (scan = {});
    words.textContent = "";
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
      // It was given up while the browser asked for permission.
      if (scan !== mine) return stream.getTracks().forEach((track) => track.stop());
      mine.stream = stream;
      video.srcObject = stream;
      open.hidden = true;
      view.hidden = false;
      close.focus();
      // One start can end another that is just under way; frames come all the same, and `look` waits for them.
      await video.play().catch(() => {});
      await look(mine, new BarcodeDetector({ formats }));
    } catch (error) {
      if (scan === mine) stop(error.name === "NotAllowedError" ? box.dataset.refused : box.dataset.failed, field);
    }
  });
  close.addEventListener("click", () => stop(box.dataset.ended, open));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && scan) stop(box.dataset.ended, open);
  });
  addEventListener("pagehide", () => scan && stop("", null));
  box.hidden = false;
}

for (const box of document.querySelectorAll("[data-camera]")) offer(box).catch(() => {});
