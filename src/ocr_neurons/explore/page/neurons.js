// Panel 5: the neurons that react most.

import { Newest } from "./api.js";
import { byId, complain, el, fill } from "./dom.js";
import { count, figure, nameOf, plural, signed } from "./format.js";
import { mark } from "./heat.js";
import { set, state } from "./state.js";

let facts;
let texts = null;
let words = [];
let look;
const question = new Newest("/api/neurons", (busy) => byId("neurons-panel").setAttribute("aria-busy", String(busy)));

export function setUp(known, whenLookedUp) {
  facts = known;
  look = whenLookedUp;
  fill(
    byId("in-layer"), el("option", { value: -1 }, "all layers"),
    ...Array.from({ length: facts.layers }, (_, layer) => el("option", { value: layer }, `layer ${layer}`)),
  );
  byId("over").addEventListener("change", () => change({ word: Number(byId("over").value) }));
  byId("in-layer").addEventListener("change", () => change({ layer: Number(byId("in-layer").value) }));
  byId("order").addEventListener("change", () => change({ order: byId("order").value }));
}

function change(changes) {
  set(changes);
  mark();
  ask();
}

export function show(given, result) {
  texts = given;
  words = result.words;
  fill(
    byId("over"), el("option", { value: -1 }, "all changed words"),
    ...words.map((word, number) => el("option", { value: number }, word.changed ? `${word.clean} → ${word.noisy}` : word.clean)),
  );
  ask();
}

export function clear() {
  question.cancel();
  texts = null;
  fill(byId("neurons"));
  byId("neurons-note").textContent = "";
  complain(byId("neurons-error"));
}

export function ask() {
  if (state.layer >= facts.layers) set({ layer: -1 });
  byId("over").value = state.word;
  byId("in-layer").value = state.layer;
  byId("order").value = state.order;
  if (!texts) return;
  question.ask(
    { ...texts, word: state.word < 0 ? null : state.word, layer: state.layer < 0 ? null : state.layer, order: state.order },
    render,
    (sentence) => {
      fill(byId("neurons"));
      complain(byId("neurons-error"), sentence);
    },
  );
}

function render(result) {
  complain(byId("neurons-error"));
  if (!result.neurons.length) {
    fill(byId("neurons"));
    byId("neurons-note").textContent = "No word was changed, so there is nothing that neurons could react to.";
    return;
  }
  byId("neurons-note").textContent =
    `Means over ${plural(result.words, "word")}. Difference: noisy minus clean; above 0 the neuron fires more on the noisy word. ` +
    "In standard deviations: of the same neuron on the clean words the run probed with, so that loud and quiet neurons count alike. " +
    `Place: in this run's ranking of ${count(facts.ranking.count)} neurons by “${facts.ranking.method}”, 1 reacts most.`;
  fill(
    byId("neurons"),
    el(
      "table", { class: "facts" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "neuron"), ...["clean", "noisy", "difference", "in s.d.", "place"].map((name) => el("th", { scope: "col", class: "n" }, name)))),
      el("tbody", {}, ...result.neurons.map((one) => {
        const name = nameOf(one.layer, one.index);
        return el(
          "tr", {},
          el("th", { scope: "row" }, el("button", { type: "button", "aria-label": `look up neuron ${name}`, onclick: () => look(name) }, name)),
          el("td", { class: "n" }, figure(one.clean)), el("td", { class: "n" }, figure(one.noisy)),
          el("td", { class: "n" }, signed(one.difference)), el("td", { class: "n" }, one.deviations === null ? "–" : signed(one.deviations)),
          el("td", { class: "n" }, one.place ? count(one.place) : "–"),
        );
      })),
    ),
  );
}
