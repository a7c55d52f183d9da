// What is scanned at the workstation fills the field of the page that somebody looks at: <div data-scans="/events"
// data-scans-take="/address/of/a/scan/" data-scans-default="…">. A scan goes to one page only: the one that is in front, and
// then the first that takes it at the service.

const KEY = "mintmark.scans";
const FAR_TOO_LONG = 15000;

function chosen(box) {
  const choice = box.querySelector("[data-scans-choice]");
  // Where nothing can be chosen nothing was.
  if (!choice) return box.dataset.scansDefault;
  let kept = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // A browser that keeps nothing has the default.
  }
  const known = [...choice.options].some((option) => option.value === kept);
  return known ? kept : box.dataset.scansDefault;
}

const fills = (choice, scan) =>
  choice === "all" || (scan.source === "reader" ? choice === "reader" : choice === `scanner:${scan.name}`);

// Another window, or another tab, is none of this page's business.
// Nor is what somebody has begun to type given up for a device that is laid down.
const isTyping = (target) =>
  [...document.querySelectorAll("main input:not([type=hidden]), main textarea")].some(
    (field) => field !== target && ["text", "textarea", "password"].includes(field.type) && field.value !== field.defaultValue,
  );

const isInFront = () => document.visibilityState === "visible" && document.hasFocus();

for (const box of document.querySelectorAll("[data-scans]")) {
  const target = document.querySelector("[data-scan-target]");
  const refusal = document.querySelector("[data-scans-refusal]");
  const choice = box.querySelector("[data-scans-choice]");
  let source = null;
  let busy = false;

  if (choice) {
    choice.value = chosen(box);
    choice.addEventListener("change", () => {
      try {
        localStorage.setItem(KEY, choice.value);
      } catch {
        // It holds for this page, then.
        box.dataset.scansDefault = choice.value;
      }
      target?.focus();
    });
  }

  const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

  // What was said of the scan before would stand beside it as if it were of this one.
  const say = (text) => {
    for (const other of document.querySelectorAll(".banner, .find .field-error")) other.remove();
    const banner = refusal.content.firstElementChild.cloneNode(true);
    box.after(banner);
    banner.querySelector("strong").textContent = sentence(text);
    document.dispatchEvent(new CustomEvent("mintmark:sound", { detail: "wrong" }));
  };

  const fill = (scan) => {
    const form = target.form;
    const hidden = (name, value) => {
      const field = form.elements[name] ?? document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      form.append(field);
    };
    target.value = scan.text;
    hidden("scan", String(scan.n));
    form.requestSubmit();
  };

  const take = async (scan) => {
    if (busy || !target || !isInFront() || isTyping(target) || !fills(chosen(box), scan)) return;
    busy = true;
    try {
      const body = new URLSearchParams({ form_token: target.form.elements.form_token.value });
      const limit = AbortSignal.timeout(FAR_TOO_LONG);
      const answer = await fetch(box.dataset.scansTake + scan.n, { method: "POST", body, signal: limit });
      // Another page was first.
      if (!answer.ok) {
        busy = false;
        return;
      }
      if (scan.refused) say(scan.refused);
      else {
        fill(scan);
        // The page goes: a scan that it took now would be lost.
        return;
      }
      busy = false;
    } catch {
      busy = false;
      // Without the service nobody acts on it; whoever stands there scans again.
    }
  };

  const show = (all) => {
    for (const line of box.querySelectorAll("[data-scanner]")) {
      const now = all.items.find((item) => item.name === line.dataset.scanner);
      const absent = `${line.dataset.absent} ${now?.trouble ? sentence(now.trouble) : ""}`;
      line.querySelector("span").textContent = now?.connected ? line.dataset.connected : absent.trim();
    }
  };

  // Only while the page is seen: a browser holds few streams open at once.
  const listen = () => {
    if (document.visibilityState !== "visible") {
      source?.close();
      source = null;
      delete box.dataset.scansListening;
      return;
    }
    if (source) return;
    source = new EventSource(box.dataset.scans);
    source.addEventListener("scanners", (event) => {
      show(JSON.parse(event.data));
      // From now on no scan is missed.
      box.dataset.scansListening = "";
    });
    source.addEventListener("scan", (event) => take(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      // One that ended for good (signed out) is not asked again.
      if (source?.readyState === EventSource.CLOSED) source = null;
    });
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      source = null;
      listen();
    }
  });
  listen();

  // Keyboard scanners type the separator of GS1 fields as Ctrl+]; browsers put nothing into the field for it.
  target?.addEventListener("keydown", (event) => {
    if (!event.ctrlKey || event.key !== "]") return;
    event.preventDefault();
    target.setRangeText("\u001d", target.selectionStart, target.selectionEnd, "end");
  });
  // Who types over what was scanned means something else.
  target?.addEventListener("input", () => target.form.elements.scan?.remove());
}
