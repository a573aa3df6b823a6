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

/** Keep something in the browser; where it has no room left, it is not kept. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {}
}

/** Close a dialog; where nothing had the focus before it, the page has it, not what was in it. */
export function leave(dialog) {
  if (dialog.open) dialog.close();
  if (dialog.contains(document.activeElement)) $("main").focus({ preventScroll: true });
}

const CHOICE_KEYS = "123456789abcdefghijklmnopq";

/** Let somebody choose up to `most` of the options by keys; null where they cancel. */
export function choose(title, options, chosen, most) {
  const dialog = $("choose");
  let now = [...chosen];
  $("choose-title").textContent = title;
  const buttons = options.map((option, at) => {
    const button = el("button", { type: "button", "aria-pressed": "false" }, el("kbd", {}, CHOICE_KEYS[at]), option.words);
    if (option.meaning) button.append(el("small", {}, option.meaning));
    button.addEventListener("click", () => toggle(option.code));
    return button;
  });
  const show = () => buttons.forEach((button, at) => (button.ariaPressed = String(now.includes(options[at].code))));
  const toggle = (code) => {
    if (now.includes(code)) now = now.filter((one) => one !== code);
    else now = most === 1 ? [code] : [...now, code].slice(0, most);
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
  show();
  dialog.onkeydown = (event) => {
    event.stopPropagation(); // what closes the list is no key of the page under it
    const at = CHOICE_KEYS.indexOf(event.key);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (at >= 0 && at < options.length) {
      event.preventDefault();
      toggle(options[at].code);
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
  return finished;
}
