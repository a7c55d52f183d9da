// Comfort on top of pages that work without it. Everything hangs on data attributes; nothing here
// decides anything. Values that move (ring, progress) are set as attributes, never as inline styles.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const isField = (el) => el instanceof HTMLElement && el.matches("input, textarea, select, [contenteditable]");

const page = document.documentElement;
page.classList.remove("no-js");

// Says something once to screen readers.
const say = (() => {
  const region = document.createElement("div");
  region.className = "sr";
  region.setAttribute("role", "status");
  document.body.append(region);
  return (text) => {
    region.textContent = "";
    setTimeout(() => (region.textContent = text), 50);
  };
})();

// --- copy: <button data-copy="text"> -------------------------------------------------------------

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain http other than loopback has no clipboard: select the text instead.
    return false;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const label = one("[data-copy-label]", button) ?? button;
  const before = (button.dataset.before ??= label.textContent);
  const done = await copyText(button.dataset.copy);
  label.textContent = done ? page.dataset.copied : page.dataset.copyByKey;
  if (!done) {
    const source = button.parentElement.querySelector("[data-copy-source]");
    if (source) getSelection().selectAllChildren(source);
  }
  say(label.textContent);
  setTimeout(() => (label.textContent = before), 2000);
});

// --- keys: "/" finds, arrows walk the rows of a list -----------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = isField(document.activeElement);
  // Codes hold no "/", so at the station it leads from a code back to the big field.
  if (event.key === "/" && (!typing || document.activeElement.matches("[data-code]"))) {
    const search = one("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
    return;
  }
  if (event.key === "Escape") {
    all("details.menu[open]").forEach((menu) => {
      menu.open = false;
      one("summary", menu).focus();
    });
  }
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !typing) {
    const links = all("[data-rows] tbody tr :is(th, td):first-child a");
    const at = links.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    links[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  }
});

document.addEventListener("click", (event) => {
  all("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

// On a narrow screen the navigation scrolls in its box: bring the present place into view.
for (const here of all(".side [aria-current]")) {
  const box = here.closest(".side");
  box.scrollLeft = here.offsetLeft - (box.clientWidth - here.offsetWidth) / 2;
}

// --- scanners: they type fast and end with Enter ---------------------------------------------------

// Enter goes to the next empty field of the form; only when none is left does it submit.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  const field = event.target;
  if (!isField(field) || !field.hasAttribute("data-next") || !field.form) return;
  const fields = all("[data-next]", field.form).filter((other) => other.form === field.form && !other.disabled);
  const next = fields.find((other) => other.value.trim() === "");
  if (next) {
    event.preventDefault();
    next.focus();
  }
});

// Keys that reach no field at the station belong to the big one.
document.addEventListener("keydown", (event) => {
  const target = one("[data-scan-target]");
  if (!target || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
  if (isField(document.activeElement) || event.key === " " || event.key === "/") return;
  target.focus();
  target.select();
});

// --- moments: <time datetime="…"> in the reader's own time --------------------------------------------

// The day stands before the month, as in the words of the server.
const language = page.lang === "en" ? "en-GB" : page.lang;
const clockTime = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayOfYear = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });
const nearDay = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

for (const time of all("time[datetime]")) {
  const at = new Date(time.dateTime);
  // Without script a moment says that it is in UTC; a date alone stays what it is.
  if (Number.isNaN(at.getTime()) || !time.textContent.endsWith(" UTC")) continue;
  const now = new Date();
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const days = Math.round((midnight(at) - midnight(now)) / 86400000);
  const day = Math.abs(days) <= 1 ? nearDay.format(days, "day") : dayOfYear.format(at);
  time.textContent = `${day} ${clockTime.format(at)}`;
}

// --- ring: <div data-ring data-step-secs="30" data-server-now="1735689600.25"> ---------------------

for (const ring of all("[data-ring]")) {
  const step = Number(ring.dataset.stepSecs) || 30;
  const serverNow = Number(ring.dataset.serverNow);
  if (!Number.isFinite(serverNow)) continue;
  const loaded = performance.now();
  const run = one(".run", ring);
  const text = one("[data-ring-text]", ring);
  const form = ring.closest("form");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let turn = null;
  const tick = () => {
    const now = serverNow + (performance.now() - loaded) / 1000;
    const left = step - (now % step);
    run?.setAttribute("stroke-dashoffset", String(100 - (still ? Math.ceil(left) : left) / step * 100));
    if (text) text.textContent = page.dataset.nextCode.replace("%s", Math.ceil(left));
    const thisTurn = Math.floor(now / step);
    if (turn !== null && thisTurn !== turn && form) {
      // Spoken once a turn, and only while somebody waits for the second code.
      const codes = all("[data-code]", form);
      if (codes.some((c) => c.value) && codes.some((c) => !c.value)) say(page.dataset.codeChanged);
    }
    turn = thisTurn;
  };
  ring.hidden = false;
  tick();
  setInterval(tick, still ? 1000 : 200);
}

// --- codes: how long after the one before each was typed, for the search: <input data-after> beside it ----

for (const form of all("form:has([data-after])")) {
  const typedAt = new Map();
  form.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-code]")) typedAt.set(event.target.name, performance.now());
  });
  form.addEventListener("submit", () => {
    const codes = all("[data-code]", form).filter((code) => code.value);
    codes.forEach((code, at) => {
      const after = one(`input[name="${code.name}-after"]`, form);
      const [now, before] = [typedAt.get(code.name), typedAt.get(codes[at - 1]?.name)];
      if (after) after.value = now > before ? String(Math.round((now - before) / 1000)) : "";
    });
  });
}

// --- jobs: <div data-job-events="/api/v1/jobs/1/events" data-job="/api/v1/jobs/1" data-job-then="…"> ----
// What it says: data-job-left, with %s for the time; data-job-done, data-job-stopped, data-job-offline.

const number = new Intl.NumberFormat(document.documentElement.lang || undefined);

function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.ceil(seconds))} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.ceil((seconds % 3600) / 60)} min`;
}

for (const box of all("[data-job-events]")) {
  const bar = one("progress", box);
  const count = one("[data-job-count]", box);
  const pace = one("[data-job-pace]", box);
  const began = performance.now();
  let first = null;
  let over = false;
  let source = null;
  let misses = 0;

  const show = (job) => {
    if (over) return;
    first ??= job.done;
    if (job.total > 0) {
      bar.max = job.total;
      bar.value = job.done;
      // The bytes of a file tell nobody anything; how much of it does.
      count.textContent = `${Math.floor((job.done / job.total) * 100)} %`;
    }
    const secs = (performance.now() - began) / 1000;
    const rate = (job.done - first) / secs;
    if (secs > 1 && rate > 0 && job.total > 0) {
      pace.textContent = box.dataset.jobLeft.replace("%s", duration((job.total - job.done) / rate));
    }
    if (job.state === "done" || job.state === "failed") {
      over = true;
      source?.close();
      say(job.state === "done" ? box.dataset.jobDone : box.dataset.jobStopped);
      location.replace(box.dataset.jobThen || location.href);
    }
  };

  const poll = async () => {
    while (!over) {
      try {
        const answer = await fetch(box.dataset.job, { headers: { accept: "application/json" } });
        if (answer.ok) show(await answer.json());
        else if (answer.status === 401 || answer.status === 404) {
          // Signed out, or the job is gone: the page itself says what to do.
          over = true;
          setTimeout(() => location.reload(), 5000);
        }
      } catch {
        pace.textContent = box.dataset.jobOffline;
      }
      await new Promise((later) => setTimeout(later, 1500));
    }
  };

  if ("EventSource" in window) {
    source = new EventSource(box.dataset.jobEvents);
    const read = (event) => {
      misses = 0;
      try {
        show(JSON.parse(event.data));
      } catch {
        // A line that is not JSON is a keep-alive of somebody in between.
      }
    };
    for (const kind of ["message", "job", "progress", "done", "failed"]) source.addEventListener(kind, read);
    source.addEventListener("error", (event) => {
      if (over || event.data) return;
      misses += 1;
      if (misses > 2 || source.readyState === EventSource.CLOSED) {
        source.close();
        poll();
      }
    });
  } else {
    poll();
  }
}

// --- toasts ----------------------------------------------------------------------------------------

for (const toast of all("[data-toast]")) {
  // Shown again after loading, so that the live region speaks it.
  const region = toast.parentElement;
  toast.remove();
  setTimeout(() => region.append(toast), 100);
  one("[data-close]", toast)?.addEventListener("click", () => toast.remove());
  if (toast.dataset.toast === "good" || toast.dataset.toast === "neutral") {
    let held = false;
    for (const on of ["pointerenter", "focusin"]) toast.addEventListener(on, () => (held = true));
    for (const off of ["pointerleave", "focusout"]) toast.addEventListener(off, () => (held = false));
    const timer = setInterval(() => {
      if (held) return;
      clearInterval(timer);
      toast.remove();
    }, 8000);
  }
}

// --- order: <ol data-order> in a form with <input name="order"> --------------------------------------

for (const list of all("[data-order]")) {
  const form = list.closest("form");
  let dragged = null;
  let before = "";
  const order = () => all("[data-item]", list).map((item) => item.dataset.item).join(",");
  for (const item of all("[data-item]", list)) {
    item.draggable = true;
    item.addEventListener("dragstart", (event) => {
      dragged = item;
      before = order();
      item.dataset.dragged = "";
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", item.dataset.item);
    });
    item.addEventListener("dragover", (event) => {
      if (!dragged) return;
      event.preventDefault();
      if (dragged === item) return;
      const box = item.getBoundingClientRect();
      const below = event.clientY > box.top + box.height / 2;
      list.insertBefore(dragged, below ? item.nextSibling : item);
    });
    item.addEventListener("dragend", () => {
      delete item.dataset.dragged;
      dragged = null;
      if (order() === before) return;
      form.elements.order.value = order();
      form.requestSubmit();
    });
  }
}

// --- files: <label data-drop> around a file input -----------------------------------------------------

for (const area of all("[data-drop]")) {
  const input = one("input[type=file]", area);
  const name = one("[data-drop-name]", area);
  const kept = name?.textContent;
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.dataset.over = "";
  });
  for (const leave of ["dragleave", "drop"]) area.addEventListener(leave, () => delete area.dataset.over);
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change"));
  });
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (name) name.textContent = file ? `${file.name}, ${number.format(Math.ceil(file.size / 1024))} KiB` : kept;
    if (!file) return;
    // The head of a PSKC file says whether a passphrase is needed: ask for it now, not after the upload.
    const head = await file.slice(0, 16384).text();
    const protects = one("[data-protected]");
    if (protects && /EncryptionKey|EncryptedValue|DerivedKey/.test(head)) {
      protects.open = true;
      one("input", protects)?.focus();
      say(protects.dataset.protected);
    }
  });
}

// --- sound at the station -------------------------------------------------------------------------------

const tones = {
  done: [[660, 0, 0.09], [990, 0.1, 0.12]],
  look: [[520, 0, 0.1], [520, 0.16, 0.1]],
  wrong: [[240, 0, 0.28]],
};

function isMuted() {
  try {
    return localStorage.getItem("mintmark.mute") === "1";
  } catch {
    return false;
  }
}

async function play(kind) {
  const notes = tones[kind];
  if (!notes || isMuted() || !("AudioContext" in window)) return;
  const audio = new AudioContext();
  // Where the browser holds sound back until a key is pressed, the moment has passed: stay silent.
  await Promise.race([audio.resume(), new Promise((later) => setTimeout(later, 300))]);
  if (audio.state !== "running") return void audio.close();
  for (const [hertz, at, length] of notes) {
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0.0001, audio.currentTime + at);
    gain.gain.exponentialRampToValueAtTime(0.2, audio.currentTime + at + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + at + length);
    tone.connect(gain).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + length);
  }
  setTimeout(() => audio.close(), 1000);
}

for (const button of all("[data-mute]")) {
  const draw = () => {
    const muted = isMuted();
    button.setAttribute("aria-pressed", String(muted));
    one("[data-mute-on]", button).hidden = muted;
    one("[data-mute-off]", button).hidden = !muted;
  };
  button.addEventListener("click", () => {
    try {
      localStorage.setItem("mintmark.mute", isMuted() ? "0" : "1");
    } catch {
      return;
    }
    draw();
    play("done");
  });
  draw();
}

const sounding = one("[data-sound]");
if (sounding) play(sounding.dataset.sound);
document.addEventListener("mintmark:sound", (event) => play(event.detail));

// --- what changes by itself: <div data-live="/events" data-live-page="/page"> is taken from its page again -----

for (const box of all("[data-live]")) {
  const states = () => new Map(all("[data-reader-state]", box).map((card) => [one("h3", card).textContent, card.dataset.readerState]));
  const tones = { done: "done", wanted: "look", failed: "wrong" };
  let busy = false;
  let due = false;
  const refresh = async () => {
    due = true;
    while (due && !busy) {
      busy = true;
      due = false;
      try {
        const answer = await fetch(box.dataset.livePage, { headers: { accept: "text/html" } });
        const fresh = one("[data-live]", new DOMParser().parseFromString(await answer.text(), "text/html"));
        if (!fresh) return location.reload();
        const before = states();
        const named = (field) => field.id || `${field.form?.action} ${field.name} ${field.value}`;
        const focused = box.contains(document.activeElement) ? named(document.activeElement) : "";
        const typed = all("input[type=text], input[type=password], select", box).map((field) => [field.id, field.value]);
        const open = all("details[id][open]", box).map((more) => more.id);
        box.replaceChildren(...fresh.childNodes);
        for (const id of open) document.getElementById(id)?.setAttribute("open", "");
        for (const [id, value] of typed) {
          const field = document.getElementById(id);
          if (field && value) field.value = value;
        }
        const nobody = document.activeElement === document.body;
        const again = focused && all("input, select, button, a", box).find((field) => named(field) === focused);
        (again || (nobody && one("[data-tray-focus]", box)) || null)?.focus();
        for (const [reader, state] of states()) {
          if (state !== before.get(reader) && state in tones) play(tones[state]);
        }
      } catch {
        // The next event tries again.
      } finally {
        busy = false;
      }
    }
  };
  let told = null;
  const hear = ({ data }) => {
    if (data === told) return;
    // The first one says what the page says already, and would take away what is wrong with a field.
    const keeps = told === null && one("[aria-invalid=true]", box);
    told = data;
    if (!keeps) refresh();
  };
  const source = new EventSource(box.dataset.live);
  for (const kind of ["message", "devices"]) source.addEventListener(kind, hear);
}

// --- what goes together: <select data-fits="target">, whose options name in data-with the targets that they go with ---

for (const select of all("[data-fits]")) {
  const target = document.getElementById(select.dataset.fits);
  const narrow = () => {
    for (const option of all("[data-with]", select)) {
      option.disabled = option.hidden = !option.dataset.with.split(" ").includes(target.value);
    }
    if (select.selectedOptions[0]?.disabled) select.value = "";
  };
  target.addEventListener("change", narrow);
  narrow();
}

// --- what a browser says of itself, for the list of environments ---------------------------------------

for (const field of all("[data-time-zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
for (const field of all("[data-screen]")) field.value = `${screen.width}x${screen.height}`;

// --- forms are sent once ------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  // A page that comes back from the history may send again.
  addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
});
