// What every page stands on: elements, asking the server, dialogs. No libraries, nothing from elsewhere.
// Text of a corpus only ever becomes text: there is no innerHTML here.

export const $ = (id) => document.getElementById(id);
const formToken = document.querySelector('meta[name="form-token"]')?.content ?? "";

/** Make an element with text or children. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export class Refused extends Error {
  constructor(status, errors) {
    super(errors.join("\n"));
    this.status = status;
  }
}

/** Send JSON to the server; a Refused says what it answered, a TypeError that it was not reached. */
export async function send(path, body) {
  const answered = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "Content-Type": "application/json", "X-Form-Token": formToken },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const said = await answered.json();
  if (!answered.ok) throw new Refused(answered.status, said.errors ?? ["the server refused the request"]);
  return said;
}

export function notice(text) {
  if ($("notice")) $("notice").textContent = text;
}

/** Have a screen reader say something that others see; the same words once more are said again. */
export function announce(text) {
  $("announced").textContent = "";
  setTimeout(() => ($("announced").textContent = text), 50);
}

/** Return a code as it is read. */
export const words = (code) => code.replaceAll("_", " ");

/** Return milliseconds around what is wanted, so that many pages do not ask in step. */
export const about = (milliseconds) => milliseconds * (0.5 + Math.random());

/** Return what the browser keeps under a name, or something else where it keeps nothing readable. */
export function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keep something in the browser, and return whether it had room for it. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Close a dialog; where nothing had the focus before it, the page has it, not what was in it. */
export function leave(dialog) {
  if (dialog.open) dialog.close();
  if (dialog.contains(document.activeElement)) $("main").focus({ preventScroll: true });
}

/** Let what scrolls be reached by keyboard; what does not is no stop on the way. */
export function scrollable() {
  for (const one of document.querySelectorAll("[data-scrolls]")) one.tabIndex = one.scrollHeight > one.clientHeight + 1 ? 0 : -1;
}

const CHOICE_KEYS = "123456789abcdefghijklmnopq";
// From so many options on, there is a field to look for one.
const MANY = 10;

/** Return the key of a US keyboard at the place that was pressed, or null. */
export function placed({ code, shiftKey }) {
  const found = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code ?? "");
  if (found) return (found[1] ?? found[2]).toLowerCase();
  return { Slash: shiftKey ? "?" : "/", Equal: "=" }[code] ?? null;
}

/**
 * Return the keys that a key press may stand for, the likeliest first: the letter itself; and by its place
 * on the keyboard, where no Latin letter is (Cyrillic, Greek, Hebrew, …) or digits need Shift (AZERTY).
 */
export function meant(event) {
  const { key, code, shiftKey } = event;
  const plain = key.length === 1 && !shiftKey ? key.toLowerCase() : key; // Caps Lock is no other key
  const latin = key.length !== 1 || /[ -~]/.test(key);
  const digit = /^Digit/.test(code ?? "") && !shiftKey;
  return [key, plain, (!latin || digit) && placed(event)].filter(Boolean);
}

/** Let somebody choose up to `most` of the options by keys; null where they cancel. */
export function choose(title, options, chosen, most, about = "") {
  const dialog = $("choose");
  dialog.classList.toggle("beside", !!about);
  $("choose-about").textContent = about;
  $("choose-about").hidden = !about;
  $("choose-find").hidden = options.length < MANY;
  $("choose-filter").value = "";
  let now = [...chosen];
  $("choose-title").textContent = title;
  const buttons = options.map((option, at) => {
    const place = el("span", { class: "place" });
    const button = el("button", { type: "button", "aria-pressed": "false" }, el("kbd", {}, CHOICE_KEYS[at]), option.words, place);
    const told = [option.note, option.meaning].filter(Boolean).join(" ");
    if (told) button.append(el("small", {}, told));
    button.addEventListener("click", () => toggle(option.code));
    return button;
  });
  const show = () =>
    buttons.forEach((button, at) => {
      const place = now.indexOf(options[at].code);
      button.ariaPressed = String(place >= 0);
      button.querySelector(".place").textContent = place < 0 ? "" : most === 1 ? " ✓" : ` ✓ ${place + 1}`;
    });
  const filter = () => {
    const wanted = $("choose-filter").value.trim().toLowerCase();
    buttons.forEach((button, at) => {
      const { words, meaning } = options[at];
      button.hidden = !`${words} ${meaning ?? ""}`.toLowerCase().includes(wanted);
    });
  };
  const toggle = (code) => {
    $("choose-said").textContent = "";
    if (now.includes(code)) now = now.filter((one) => one !== code);
    else if (most === 1) now = [code];
    else if (now.length < most) now = [...now, code];
    else $("choose-said").textContent = `You can choose up to ${most}. Take one back first.`;
    show();
    if (most === 1) finish(now);
  };
  let finish;
  const finished = new Promise((resolve) => {
    finish = (value) => {
      resolve(value);
      leave(dialog);
    };
  });
  $("choose-list").replaceChildren(...buttons);
  $("choose-done").hidden = most === 1;
  $("choose-said").textContent = "";
  show();
  $("choose-filter").oninput = filter;
  dialog.onkeydown = (event) => {
    event.stopPropagation(); // what closes the list is no key of the page under it
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const finding = event.target === $("choose-filter");
    const keys = finding ? [] : meant(event);
    const at = keys.map((key) => (key.length === 1 ? CHOICE_KEYS.indexOf(key) : -1)).find((one) => one >= 0) ?? -1;
    if (at >= 0 && at < options.length) {
      event.preventDefault();
      toggle(options[at].code);
    } else if (keys.includes("/") && options.length >= MANY) {
      event.preventDefault();
      $("choose-filter").focus();
    } else if (finding && event.key === "Enter" && $("choose-filter").value) {
      event.preventDefault();
      const first = buttons.findIndex((button) => !button.hidden);
      $("choose-filter").value = "";
      filter();
      if (first < 0) return;
      buttons[first].focus();
      toggle(options[first].code);
    } else if (event.key === "Enter" && most > 1 && event.target !== $("choose-stop")) {
      event.preventDefault();
      finish(now);
    } else if (event.key === "Escape") {
      event.preventDefault();
      finish(null);
    }
  };
  $("choose-done").onclick = () => finish(now);
  $("choose-stop").onclick = () => finish(null);
  // The list before may have been closed so shortly ago that its event comes only now.
  dialog.onclose = () => dialog.open || finish(null);
  dialog.showModal();
  scrollable();
  (buttons.find((one) => one.ariaPressed === "true") ?? buttons[0])?.focus();
  return finished;
}
