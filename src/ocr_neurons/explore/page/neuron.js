// Panel 6: one neuron: its ranks, what it does in this text, when it fires.

import { get, Newest, post } from "./api.js";
import { byId, complain, el, fill } from "./dom.js";
import { chance, count, cut, figure, neuronsIn, percent, plural, signed } from "./format.js";
import { set, state } from "./state.js";

let facts;
let texts = null;
let compared = null;
let shown = ""; // the neuron whose facts are shown
const known = new Newest("/api/neuron");
const alone = new Newest("/api/edit");

export function setUp(given, pick) {
  facts = given;
  byId("lookup").addEventListener("submit", (event) => {
    event.preventDefault();
    look(byId("neuron").value.trim());
  });
  byId("pick").addEventListener("click", () => {
    if (read(byId("neuron").value)) pick(byId("neuron").value.trim());
  });
  byId("alone-factor").addEventListener("input", () => {
    set({ times: Number(byId("alone-factor").value) });
    ask();
  });
  byId("fires").addEventListener("click", () => {
    set({ fires: true });
    search();
  });
}

/** The one neuron in a text, with a complaint where there is none. */
function read(text) {
  const found = neuronsIn(text);
  if (found?.length === 1) {
    complain(byId("neuron-error"));
    return found[0];
  }
  complain(byId("neuron-error"), `“${text}” is no neuron. Write its layer, a point, and its number in the layer, such as 3.17.`);
  return null;
}

/** Look a neuron up by its name. */
export function look(name) {
  set({ neuron: name, fires: false });
  restore();
  byId("neuron-title").scrollIntoView({ block: "nearest" });
}

/** Show what the state says. */
export function restore() {
  byId("neuron").value = state.neuron;
  if (!state.neuron) {
    shown = "";
    fill(byId("neuron-facts"));
    byId("alone").hidden = true;
    complain(byId("neuron-error"));
    return;
  }
  const place = read(state.neuron);
  if (!place) return hide();
  const [layer, index] = place;
  known.ask({ layer, index }, (answer) => {
    shown = state.neuron;
    complain(byId("neuron-error"));
    render(answer);
    byId("alone").hidden = false;
    ask();
    fill(byId("contexts"));
    if (state.fires) search();
  }, (sentence) => {
    hide();
    complain(byId("neuron-error"), sentence);
  });
}

function hide() {
  shown = "";
  fill(byId("neuron-facts"));
  byId("alone").hidden = true;
}

function render(one) {
  const { moments } = one;
  const placed = one.place ? `${ordinal(one.place)} of ${count(one.of)} in this run's ranking (1st reacts most)` : "not in this run's ranking";
  const places = (rank) => (rank ? `${count(rank.place)}` : "–");
  byId("fires-note").textContent =
    "The words of the run's own documents on which it is highest and lowest. The first search in a layer reads a sample of the documents, " +
    "which takes up to half a minute on a laptop; after that the layer and those before it are known.";
  fill(
    byId("neuron-facts"),
    el("p", {}, `Neuron ${one.index} of layer ${one.layer}: ${placed}. On the ${plural(moments.words, "word")} the run probed with it is ` +
      `${figure(moments.clean)} on average when they are clean (standard deviation ${figure(moments.deviation)}) and ${figure(moments.noisy)} when they are noisy: ` +
      `a difference of ${signed(moments.difference)}.`),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Ranks under each method" }, el(
      "table", { class: "facts" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "method, and what a high rank means"),
        ...["on noise", "p", "on placebo", "beyond it", "p"].map((name) => el("th", { scope: "col", class: "n" }, name)))),
      el("tbody", {}, ...one.methods.map((row) => el(
        "tr", {}, el("th", { scope: "row" }, el("b", {}, row.method), `: ${row.says}`),
        el("td", { class: "n" }, places(row.noise)), el("td", { class: "n" }, chance(row.noise.p)),
        el("td", { class: "n" }, places(row.placebo)), el("td", { class: "n" }, places(row.beyond)),
        el("td", { class: "n" }, chance(row.beyond?.p)),
      ))),
    )),
    el("p", { class: "note" }, `Places among ${count(one.methods[0]?.noise.of ?? one.of)} neurons, 1 is the most sensitive. ` +
      (facts.placebo ? `Placebo: as much other change (${facts.placebo}) to the same words; a neuron that stands high there too reacts to any change. Beyond it: ranked by noise minus placebo. ` : "This run has no placebo. ") +
      "p: how easily chance alone gives such a score; of so many neurons, one in twenty is below 0.05 by chance."),
  );
}

function ordinal(number) {
  const last = number % 100;
  const ending = last >= 11 && last <= 13 ? "th" : ["th", "st", "nd", "rd"][number % 10] ?? "th";
  return count(number) + ending;
}

/** The texts were read anew. */
export function show(given, result) {
  texts = given;
  compared = result;
  ask();
}

export function clear() {
  alone.cancel();
  texts = compared = null;
  byId("alone-says").textContent = "";
}

/** What the neuron alone does in the text. */
function ask() {
  byId("alone-factor").value = state.times;
  byId("alone-value").textContent = `× ${figure(state.times)}`;
  if (!texts || !shown) return;
  const picked = neuronsIn(shown);
  alone.ask({ ...texts, kind: "neurons", picked, factor: state.times }, (answer) => {
    complain(byId("alone-error"));
    byId("alone-says").textContent = effect(answer);
  }, (sentence) => {
    byId("alone-says").textContent = "";
    complain(byId("alone-error"), sentence);
  });
}

function effect(answer) {
  const moved = answer.entities.filter((one) => one.moved);
  const parts = [];
  if (moved.length) parts.push(`now tagged: ${moved.map((one) => `“${cut(texts.noisy, one.start, one.end)}” ${one.type}`).join(", ")}`);
  if (answer.dropped.length) parts.push(`no longer tagged so: ${answer.dropped.join(", ")}`);
  const tags = parts.length ? `Tags of the noisy text change: ${parts.join("; ")}.` : "No tag of the noisy text changes.";
  const moves = answer.moves.map((one) => `“${one.word}” (${one.label}) from ${percent(one.before, 1)} to ${percent(one.after, 1)}`);
  return moves.length ? `${tags} Words whose label becomes more or less sure, most first: ${moves.join("; ")}.` : tags;
}

/** Search the documents for the words on which the neuron fires. */
async function search() {
  const name = shown;
  const [[layer, index]] = neuronsIn(name);
  const bar = byId("fires-progress");
  complain(byId("fires-error"));
  byId("fires").disabled = true;
  bar.value = 0;
  bar.hidden = false;
  const ticking = setInterval(async () => {
    try {
      bar.value = (await get("/api/progress")).progress;
    } catch {
      // the search itself will say what is wrong
    }
  }, 1000);
  try {
    const found = await post("/api/contexts", { layer, index });
    if (name === shown) showContexts(found);
  } catch (error) {
    if (name === shown) complain(byId("fires-error"), error.message);
  } finally {
    clearInterval(ticking);
    bar.hidden = true;
    byId("fires").disabled = false;
  }
}

function showContexts(found) {
  const table = (title, rows) => [
    el("h3", {}, title),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, el(
      "table", { class: "facts contexts" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "n" }, "value"), el("th", { scope: "col" }, "word in its place"), el("th", { scope: "col" }, "document"))),
      el("tbody", {}, ...rows.map((one) => el(
        "tr", {}, el("td", { class: "n" }, figure(one.value)),
        el("td", {}, one.left, el("mark", {}, one.word), one.right),
        el("td", {}, `${one.document} (${one.split})`),
      ))),
    )),
  ];
  fill(
    byId("contexts"),
    el("p", { class: "note" }, `Over ${plural(found.words, "word")} of ${plural(found.documents, "document")} as the data have them: mean ${figure(found.mean)}, standard deviation ${figure(found.deviation)}.`),
    ...table("Highest", found.highest), ...table("Lowest", found.lowest),
  );
}
