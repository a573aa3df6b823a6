// Decisions that are on their way: kept in the browser until the server has them.

import { Refused, about, keep, kept, notice, send } from "./page.js";

export class Outbox {
  constructor(name) {
    this.name = name;
    this.onrefused = this.onclosed = this.onsent = () => {};
    this.waiting = kept(name, []);
    this.sending = null;
    this.#again();
  }

  put(path, sent) {
    this.waiting.push([path, sent]);
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
      const [path, sent] = this.waiting[0];
      try {
        const { surplus } = await send(path, sent);
        notice(surplus ? "Saved as surplus: enough others had already reviewed that item." : "");
      } catch (error) {
        if (!(error instanceof Refused) || error.status >= 500) {
          notice(`No connection: ${this.waiting.length} decisions are saved here and will be sent when the connection is back.`);
          return;
        }
        // Whoever signs in again, or loads the page again, sends it then.
        if ([401, 403].includes(error.status)) return this.onclosed(error);
        this.onrefused(error, sent);
      }
      this.waiting.shift();
      keep(this.name, this.waiting);
      this.onsent();
    }
  }
}
