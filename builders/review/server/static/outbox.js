// Decisions that are on their way: kept in the browser until the server has them, and so is all that
// was entered about their items, under the name `draft`.

import { Refused, about, keep, kept, notice, send } from "./page.js";

export class Outbox {
  constructor(name) {
    this.name = name;
    this.onrefused = this.onclosed = this.onsent = this.onback = () => {};
    this.away = false;
    this.waiting = kept(name, []);
    this.sending = null;
    this.#again();
  }

  put(path, sent, draft) {
    this.waiting.push([path, sent, draft]);
    keep(this.name, this.waiting);
    this.empty();
  }

  empty() {
    this.sending ??= this.#send().finally(() => (this.sending = null));
    return this.sending;
  }

  async #again() {
    await this.empty();
    setTimeout(() => this.#again(), about(2000));
  }

  async #send() {
    while (this.waiting.length) {
      const [path, sent, draft] = this.waiting[0];
      let refusal = null;
      try {
        this.told(await send(path, sent));
        if (draft) localStorage.removeItem(draft);
      } catch (error) {
        if (!(error instanceof Refused) || error.status >= 500) {
          this.away = true;
          const some = this.waiting.length === 1 ? "One decision is" : `${this.waiting.length} decisions are`;
          notice(`No connection: ${some} saved here and will be sent when the connection is back.`);
          return;
        }
        // Whoever signs in again, or loads the page again, sends it then.
        if ([401, 403].includes(error.status)) return this.onclosed(error);
        refusal = error;
      }
      this.waiting.shift();
      keep(this.name, this.waiting);
      if (refusal) this.onrefused(refusal, sent);
      this.onsent();
    }
  }

  /** Say what came of a decision, where that is more than that it is held. */
  told({ surplus, opinion }) {
    if (surplus) notice("Saved as surplus: enough others had already reviewed that item.");
    else if (opinion) notice("Saved. Your strategies are kept as your opinion: the reply keeps its own.");
    else if (this.away) notice("");
    if (this.away) this.onback();
    this.away = false;
  }
}
