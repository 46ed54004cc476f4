// Panel 4: how far each word moves in each layer.

import { byId, el, fill } from "./dom.js";
import { figure, plural } from "./format.js";
import { set, state } from "./state.js";

let result = null;
let chosen; // called when a word or a cell is chosen
let rows = []; // numbers of the words that are shown

export function setUp(whenChosen) {
  chosen = whenChosen;
  byId("all-words").addEventListener("change", () => {
    set({ all: byId("all-words").checked });
    render();
  });
  byId("map").addEventListener("keydown", walk);
}

export function show(given) {
  result = given;
  if (state.word >= result.words.length) set({ word: -1 });
  render();
}

export function clear() {
  result = null;
  fill(byId("map"));
  byId("heat-note").textContent = byId("readout").textContent = "";
}

/** What a cell says, in words. */
function says(word, layer) {
  const { clean, noisy, changed } = result.words[word];
  const name = changed ? `“${clean}” read as “${noisy}”` : `“${clean}”, itself unchanged`;
  const value = result.heat[word][layer];
  return `${name}, layer ${layer}: moved by ${figure(value)} of the length of its clean activations.`;
}

function top() {
  const values = result.heat.flat().sort((a, b) => a - b);
  return Math.max(0.5, Math.min(2, values[Math.floor(0.97 * values.length)] ?? 1));
}

function render() {
  byId("all-words").checked = state.all;
  if (!result) return;
  rows = result.words.map((_, number) => number).filter((number) => state.all || result.words[number].changed);
  const layers = result.heat[0]?.length ?? 0;
  const highest = top();
  const group = layers > 12 ? 5 : 1;
  byId("legend-top").textContent = `${figure(highest)} or more`;
  byId("readout").textContent = rows.length ? "Choose a word or a cell to see the neurons behind it." : "";
  const left = result.skipped.map((one) => `${one.why}: ${one.count}`).join("; ");
  byId("heat-note").textContent = [
    rows.length ? "Arrow keys move between cells, Enter chooses one." : result.words.length ? "No word is changed." : "There is no word to compare.",
    left ? `Not shown: ${left}.` : "",
  ].join(" ");
  if (!rows.length) return fill(byId("map"));
  const head = el(
    "tr", {}, el("th", { scope: "col" }, "word"),
    ...Array.from({ length: Math.ceil(layers / group) }, (_, number) => {
      const first = number * group;
      const last = Math.min(layers, first + group) - 1;
      return el("th", { scope: "colgroup", colspan: last - first + 1, "aria-label": `layers ${first} to ${last}` }, String(first));
    }),
  );
  const average = Array.from({ length: layers }, (_, layer) => rows.reduce((sum, word) => sum + result.heat[word][layer], 0) / rows.length);
  const mean = el(
    "tr", { class: "mean" }, el("th", { scope: "row" }, `mean of ${plural(rows.length, "word")}`),
    ...average.map((value, layer) => cell(value, highest, `mean, layer ${layer}: ${figure(value)}`)),
  );
  const body = rows.map((word) => {
    const { clean, noisy, changed } = result.words[word];
    const label = changed ? `${clean} → ${noisy}` : clean;
    return el(
      "tr", { class: changed ? null : "same", "data-word": word },
      el("th", { scope: "row" }, el("button", { type: "button", title: label, "aria-pressed": String(state.word === word), onclick: () => take(word, -1) }, label)),
      ...result.heat[word].map((value, layer) => {
        const made = cell(value, highest, says(word, layer));
        made.dataset.layer = layer;
        made.setAttribute("role", "gridcell");
        made.tabIndex = -1;
        made.addEventListener("pointerenter", () => { byId("readout").textContent = says(word, layer); });
        made.addEventListener("focus", () => { byId("readout").textContent = says(word, layer); });
        made.addEventListener("click", () => take(word, layer));
        if (word === state.word && layer === state.layer) made.classList.add("chosen");
        return made;
      }),
    );
  });
  const table = el(
    "table", { role: "grid", "aria-label": "How far each word moves in each layer" },
    el("colgroup", {}, el("col", { class: "word" }), el("col", { span: layers })),
    el("thead", {}, head), el("tbody", {}, mean, ...body),
  );
  fill(byId("map"), table);
  const first = table.querySelector("td.chosen") ?? table.querySelector("tbody td[data-layer]");
  if (first) first.tabIndex = 0;
  if (state.word >= 0 && state.layer >= 0 && result.heat[state.word]) byId("readout").textContent = says(state.word, state.layer);
}

function cell(value, highest, words) {
  const made = el("td", { "aria-label": words, title: words });
  made.style.setProperty("--v", Math.min(1, value / highest).toFixed(3));
  return made;
}

/** Choose a word, in one layer or all; the same again takes it back. */
function take(word, layer) {
  const again = state.word === word && state.layer === layer;
  set(again ? { word: -1, layer: -1 } : { word, layer });
  mark();
  byId("readout").textContent = again ? "" : layer >= 0 ? says(word, layer) : `“${result.words[word].clean}”: the table of neurons shows what it moves.`;
  chosen();
}

/** Bring the marks to what the state says, without drawing anew, which would lose the keyboard's place. */
export function mark() {
  for (const tr of byId("map").querySelectorAll("tr[data-word]")) {
    const here = Number(tr.dataset.word) === state.word;
    tr.querySelector("button").setAttribute("aria-pressed", String(here));
    for (const td of tr.querySelectorAll("td")) td.classList.toggle("chosen", here && Number(td.dataset.layer) === state.layer);
  }
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function walk(event) {
  const here = event.target.closest("td[data-layer]");
  if (!here) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    here.click();
    return;
  }
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  const lines = [...byId("map").querySelectorAll("tbody tr")];
  const line = lines[lines.indexOf(here.parentElement) + step[0]];
  const next = line?.querySelector(`td[data-layer="${Number(here.dataset.layer) + step[1]}"]`);
  if (!next) return;
  here.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
