// A list to choose from, by keys: one option or several in an order, with a field to look for one.

import { $, leave, meant, el, scrollable } from "./page.js";

const KEYS = "123456789abcdefghijklmnopq";
// From so many options on, there is a field to look for one.
const MANY = 10;

/**
 * Let somebody choose up to `most` of the options; null where they cancel. With `about`, paragraphs of what
 * the choice is about, the list stands beside the reply and leaves it in sight.
 */
export function choose(title, options, chosen, most, about = []) {
  return new Choice(options, chosen, most).ask(title, about);
}

class Choice {
  constructor(options, chosen, most) {
    Object.assign(this, { options, most, now: [...chosen], many: options.length >= MANY });
    this.buttons = options.map((option, at) => this.#button(option, at));
  }

  ask(title, about) {
    const dialog = $("choose");
    const finished = new Promise((resolve) => {
      this.finish = (value) => {
        resolve(value);
        leave(dialog);
      };
    });
    dialog.classList.toggle("beside", about.length > 0);
    $("choose-title").textContent = title;
    $("choose-about").replaceChildren(...about.map((words) => el("p", { dir: "auto" }, words)));
    $("choose-about").hidden = !about.length;
    $("choose-find").hidden = !this.many;
    $("choose-filter").value = "";
    $("choose-filter").oninput = () => this.#filter();
    $("choose-list").replaceChildren(...this.buttons);
    $("choose-done").hidden = this.most === 1;
    $("choose-done").onclick = () => this.finish(this.now);
    $("choose-stop").onclick = () => this.finish(null);
    dialog.onkeydown = (event) => this.#pressed(event);
    // The list before may have been closed so shortly ago that its event comes only now.
    dialog.onclose = () => dialog.open || this.finish(null);
    this.#show("");
    dialog.showModal();
    scrollable();
    (this.buttons.find((one) => one.ariaPressed === "true") ?? this.buttons[0])?.focus();
    return finished;
  }

  #button(option, at) {
    const place = el("span", { class: "place" });
    const button = el("button", { type: "button", "aria-pressed": "false" }, el("kbd", {}, KEYS[at]), option.words, place);
    const told = [option.note, option.meaning].filter(Boolean).join(" ");
    if (told) button.append(el("small", {}, told));
    button.addEventListener("click", () => this.#toggle(option.code));
    return button;
  }

  #toggle(code) {
    const { now, most } = this;
    const full = !now.includes(code) && most > 1 && now.length >= most;
    if (now.includes(code)) this.now = now.filter((one) => one !== code);
    else if (!full) this.now = most === 1 ? [code] : [...now, code];
    this.#show(full ? `You can choose up to ${most}. Take one back first.` : "");
    if (most === 1) this.finish(this.now);
  }

  /** Show what is chosen, on the options and, where several may be, as a line in their order. */
  #show(said) {
    this.buttons.forEach((button, at) => {
      const place = this.now.indexOf(this.options[at].code);
      button.ariaPressed = String(place >= 0);
      button.querySelector(".place").textContent = place < 0 ? "" : this.most === 1 ? " ✓" : ` ✓ ${place + 1}`;
    });
    const words = this.now.map((code, at) => `${at + 1} ${this.options.find((one) => one.code === code)?.words ?? code}`);
    $("choose-said").textContent = said || (this.most > 1 ? words.join(", ") || "Nothing is chosen." : "");
  }

  #filter() {
    const wanted = $("choose-filter").value.trim().toLowerCase();
    this.buttons.forEach((button, at) => {
      const { words, meaning } = this.options[at];
      button.hidden = !`${words} ${meaning ?? ""}`.toLowerCase().includes(wanted);
    });
  }

  /** Take the first option that was found, and show all again. */
  #take() {
    const first = this.buttons.findIndex((button) => !button.hidden);
    $("choose-filter").value = "";
    this.#filter();
    if (first < 0) return;
    this.buttons[first].focus();
    this.#toggle(this.options[first].code);
  }

  #pressed(event) {
    event.stopPropagation(); // what closes the list is no key of the page under it
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const act = this.#meaning(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** Return what a key does in the list, or undefined. */
  #meaning(event) {
    const { key, target } = event;
    const finding = target === $("choose-filter");
    if (key === "Escape") return () => this.finish(null);
    if (finding && key === "Enter" && target.value) return () => this.#take();
    if (key === "Enter" && this.most > 1 && target !== $("choose-stop")) return () => this.finish(this.now);
    if (finding) return;
    const keys = meant(event);
    if (this.many && keys.includes("/")) return () => $("choose-filter").focus();
    const at = keys.map((one) => (one.length === 1 ? KEYS.indexOf(one) : -1)).find((one) => one >= 0);
    if (this.options[at]) return () => this.#toggle(this.options[at].code);
  }
}
