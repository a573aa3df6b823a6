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

/** Say something to everybody; where it stands there already, a screen reader reads it once more. */
export function told(text) {
  if ($("notice").textContent === text) announce(text);
  else notice(text);
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
  for (const one of document.querySelectorAll("[data-scrolls], .wide")) {
    const scrolls = one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1;
    one.tabIndex = scrolls ? 0 : -1;
  }
}

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
