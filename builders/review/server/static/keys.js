// Keys: what each does, another one for whoever wants it, and the list of them.

import { $, el, keep, kept, leave, meant, placed } from "./page.js";

// These move about in any page, leave a field or close a list.
const TAKEN = ["Enter", "Tab", "Escape", "Dead", "Process", "Unidentified"];
const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"];

const shown = (key) => (key === " " ? "Space" : key);

// Every key has one meaning, on whichever page: [name, usual key, what it does].
const TABLE = [
  ["play", " ", "play or pause the speaker"],
  ["replay", "r", "replay the speaker"],
  ["back", "b", "go back two seconds"],
  ["slow", "h", "play more slowly"],
  ["fast", "i", "play faster"],
  ["picture", "p", "show the spectrogram, or hide it"],
  ["loop", "o", "loop on or off"],
  ["autoplay", "z", "play each next clip by itself, on or off"],
  ["chain", "c", "play all turns"],
  ["say", "v", "play the spoken reply"],
  ["before", "k", "play the previous turn"],
  ["after", "j", "play the next turn"],
  ["accept", "a", "accept"],
  ["edit", "e", "edit"],
  ["reject", "x", "reject, with a reason"],
  ["skip", "s", "skip, with a reason"],
  ["equal", "=", "both replies are equally good or equally bad"],
  ["undo", "u", "undo; can be repeated"],
  ["reveal", "d", "show the hidden reply"],
  ["strategies", "g", "choose strategies"],
  ["drafted", "y", "the drafted strategies are right"],
  ["emotion", "m", "choose the emotion you hear"],
  ["label", "l", "the label is right"],
  ["scale", "n", "go to the next scale, to rate it or to correct it"],
  ["flag", "f", "flag"],
  ["comment", "t", "comment"],
  ["keys", "?", "keyboard shortcuts"],
];

export class Keys {
  #changing = null;

  /**
   * `actions` says by name what this page can do; `fixed` has rows [keys, how they are shown, what they do,
   * the action] for keys that stay as they are. Somebody's own keys are the same on all pages.
   */
  constructor({ annotator, actions, fixed }) {
    this.names = [`hearten keys ${annotator}`, `hearten keys ${annotator} own`];
    this.table = TABLE;
    this.actions = actions;
    this.fixed = fixed;
    this.own = kept(this.names[1], {});
    $("keys-on").checked = kept(this.names[0], true);
    $("keys-on").addEventListener("change", (event) => {
      keep(this.names[0], event.target.checked);
      this.#show();
    });
    $("show-keys").addEventListener("click", () => this.open());
    $("usual-keys").addEventListener("click", () => this.#set({}, "The default keys are restored."));
    $("keys").addEventListener("keydown", (event) => this.#pressed(event));
    $("keys").addEventListener("close", () => this.#change(null));
    this.#show();
  }

  get on() {
    return $("keys-on").checked;
  }

  /** Return the key in force for an action. */
  of(name) {
    return this.own[name] ?? this.table.find(([one]) => one === name)[1];
  }

  /** Return the key of an action as it is read. */
  shown(name) {
    return shown(this.of(name));
  }

  /** Return what a key press does and the name of it, or undefined. */
  action(event) {
    for (const key of meant(event)) {
      const fixed = this.fixed.find(([keys]) => keys.includes(key));
      if (fixed) return fixed[3] && [() => fixed[3](key), "fixed"];
      const name = this.table.find(([one]) => this.of(one) === key)?.[0];
      if (name) return this.actions[name] && [this.actions[name], name];
    }
  }

  open() {
    this.#said("");
    $("keys").showModal();
  }

  #show() {
    const here = this.table.filter(([name]) => name in this.actions);
    const rows = here.map(([name, , what]) => {
      const button = el("button", { type: "button", "data-changes": name }, el("kbd", {}, this.shown(name)));
      button.append(el("span", { class: "unseen" }, `: change the key for ${what}`));
      button.addEventListener("click", () => this.#change(name));
      return [button, what];
    });
    rows.push(...this.fixed.map(([, keys, what]) => [el("kbd", {}, keys), what]));
    $("key-list").replaceChildren(...rows.map(([key, what]) => el("li", {}, key, el("span", {}, what))));
    for (const hint of document.querySelectorAll("kbd[data-key]")) {
      hint.textContent = this.shown(hint.dataset.key);
      hint.hidden = !this.on;
      const button = hint.closest("button");
      if (this.on) button?.setAttribute("aria-keyshortcuts", hint.textContent);
      else button?.removeAttribute("aria-keyshortcuts");
    }
  }

  #change(name) {
    this.#changing = name;
    for (const button of document.querySelectorAll("[data-changes]"))
      button.ariaPressed = String(button.dataset.changes === name);
    if (name) this.#said(`Press the new key for: ${this.#what(name)}. Esc cancels.`);
  }

  #pressed(event) {
    event.stopPropagation(); // what is pressed here is no key of the page under it
    const name = this.#changing;
    if (event.key === "Escape") {
      event.preventDefault();
      if (!name) return leave($("keys"));
      this.#change(null);
      return this.#said("");
    }
    if (!name || MODIFIERS.includes(event.key)) return;
    event.preventDefault();
    const key = /^[^ -~]$/.test(event.key) ? (placed(event) ?? event.key) : event.key;
    const fault = this.#fault(name, event, key);
    if (fault) return this.#said(fault);
    this.#change(null);
    this.#set({ ...this.own, [name]: key }, `${shown(key)} is now for: ${this.#what(name)}.`);
    document.querySelector(`[data-changes="${name}"]`).focus();
  }

  /** Return why an action cannot have a key, or null. */
  #fault(name, { ctrlKey, metaKey, altKey }, key) {
    if (ctrlKey || metaKey || altKey) return "Keys with Ctrl, Alt or Cmd belong to the browser. Press a single key.";
    if (TAKEN.includes(key)) return `${key} cannot be changed. Press another key.`;
    const fixed = this.fixed.find(([keys]) => keys.includes(key));
    if (fixed) return `${key} is reserved for: ${fixed[2]}. Press another key.`;
    const other = this.table.find(([one]) => one !== name && this.of(one) === key);
    return other ? `${shown(key)} is already used for: ${other[2]}. Press another key, or change that one first.` : null;
  }

  #set(own, said) {
    this.own = own;
    keep(this.names[1], own);
    this.#show();
    this.#said(said);
  }

  #what(name) {
    return this.table.find(([one]) => one === name)[2];
  }

  #said(text) {
    $("keys-said").textContent = text;
  }
}

/** Let keys act on a page: while nobody types, no dialog is open and there is something to act on. */
export function listen(keys, { ready, left, more }) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.isComposing) return;
    // Space plays also where a list of emotions has the focus; its arrows and Alt+Down are its own.
    const typing =
      event.target.matches("textarea, input:not([type=radio], [type=checkbox])") ||
      (event.target.matches("select") && (event.key !== " " || event.altKey));
    if (event.key === "Escape" && typing) {
      event.target.blur();
      left(event.target);
    } else if (event.key === "Enter" && event.target.matches("#comment, #heard")) {
      event.preventDefault();
      event.target.blur();
    } else if (more(event)) {
      event.preventDefault();
    } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && keys.on) {
      pressed(event);
    }
  });

  function pressed(event) {
    const [action, name] = keys.action(event) ?? [];
    if (!action || !ready(name)) return;
    event.preventDefault(); // also where a button has the focus: Enter presses it, Space plays
    if (event.key === " ") held = true;
    if (!event.repeat) action();
  }

  // Some browsers press a button when Space is let go.
  let held = false;
  document.addEventListener("keyup", (event) => {
    if (event.key === " " && held) event.preventDefault();
    if (event.key === " ") held = false;
  });
}
