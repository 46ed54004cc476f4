// Panel 2: the clean and the noisy text on one line, letters that differ above one another.

import { byId, el, fill } from "./dom.js";
import { describeNoise } from "./text.js";

const NOTHING = "∅";
const visible = (text) => (text === "" ? NOTHING : text.replace(/ /g, "␣").replace(/\n/g, "⏎"));

export function show(result) {
  const same = result.changes === 0;
  byId("align-note").textContent = same
    ? "The two texts are the same."
    : `${describeNoise(result)} Where they differ, the clean letters stand above the noisy ones; ${NOTHING} is nothing, ␣ a space.`;
  fill(
    byId("aligned"),
    ...result.pieces.map((piece) =>
      piece.length === 1
        ? document.createTextNode(piece[0])
        : el("span", { class: "change" }, el("del", {}, visible(piece[0])), el("ins", {}, visible(piece[1]))),
    ),
  );
}

export function clear() {
  byId("align-note").textContent = "";
  fill(byId("aligned"));
}
