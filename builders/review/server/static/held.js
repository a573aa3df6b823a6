// Lines that tell of a crisis, one at a time, for people who were named; with a way out at any time.

import { $, el, notice, send, words } from "./page.js";

const WHY = {
  enough: "That is enough for today. Thank you; do something else now.",
  done: "There is no line left for you. Thank you.",
};

let line = null;
let since = 0;

function show(next) {
  line = next.line;
  since = Date.now();
  $("desk").hidden = !line;
  $("end").hidden = !!line;
  $("end").textContent = line ? "" : WHY[next.why];
  $("left").textContent = `${next.left} more today`;
  $("reply").value = "";
  if (!line) return;
  $("turns").replaceChildren(...(line.text_context ?? []).map((turn) => el("li", { dir: "auto" }, `${turn.speaker ?? "?"}: ${turn.text}`)));
  $("speaker").textContent = line.speaker ?? "";
  $("text").textContent = line.text;
  $("codes").textContent = `Held for: ${line.codes.map(words).join(", ")}`;
}

async function answer(text) {
  if (!line) return;
  const sent = { item: line.id, seen: line.seen, event_id: crypto.randomUUID(), text, seconds: (Date.now() - since) / 1000 };
  try {
    notice("");
    show(await send("/held/answer", sent));
  } catch (error) {
    notice(error.message);
  }
}

export async function openHeld() {
  $("send").addEventListener("click", () => answer($("reply").value));
  $("pass").addEventListener("click", () => answer(null));
  $("leave-held").addEventListener("click", async () => {
    await send("/held/leave", {});
    location.href = "/review";
  });
  try {
    show(await send("/held/next"));
  } catch (error) {
    notice(error.message);
  }
}
