// Panel 1: a text, and its noisy form.

import { get, Newest } from "./api.js";
import { byId, complain, el, fill, later } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { set, state } from "./state.js";

const OWN = "own";
const SPLITS = { test: "Test documents", dev: "Development documents", train: "Training documents" };

let facts;
let changed;
let passage = null; // the one that is shown, as the data have it
const noise = new Newest("/api/noise");

const texts = () => ({ clean: byId("clean").value, noisy: byId("noisy").value, language: byId("lang").value });
const documentOf = (key) => facts.documents.find((one) => one.key === key);

/** What is marked by hand in the clean text, null where that is not known. */
export const gold = () => (state.doc !== OWN && passage ? passage.gold : null);

export function setUp(known, whenChanged) {
  facts = known;
  changed = whenChanged;
  byId("rate").max = Math.min(30, 100 * facts.highest_rate);
  fill(
    byId("doc"),
    el("option", { value: OWN }, "My own text"),
    ...Object.entries(SPLITS).map(([split, label]) => {
      const here = facts.documents.filter((one) => one.split === split);
      return here.length
        ? el("optgroup", { label }, ...here.map((one) => el("option", { value: one.key }, one.id)))
        : null;
    }).filter(Boolean),
  );
  fill(byId("lang"), ...facts.languages.map((code) => el("option", { value: code }, facts.noise[code] ?? code)));

  byId("doc").addEventListener("change", () => {
    const key = byId("doc").value;
    if (key === OWN) return set({ doc: OWN, text: byId("clean").value, word: -1 });
    return choose({ doc: key, part: 0, text: "", lang: "" });
  });
  byId("part").addEventListener("change", () => choose({ part: Number(byId("part").value) }));
  byId("lang").addEventListener("change", () => {
    set({ lang: byId("lang").value });
    makeNoise();
  });
  const typed = later(500, makeNoise);
  byId("clean").addEventListener("input", () => {
    passage = null;
    set({ doc: OWN, part: 0, text: byId("clean").value, lang: byId("lang").value, word: -1,
      ...(state.source === "ocr" ? { source: "learned" } : {}) });
    show();
    typed();
  });
  const edited = later(500, ready);
  byId("noisy").addEventListener("input", () => {
    noise.cancel();
    set({ source: "hand", noisy: byId("noisy").value, word: -1 });
    show();
    edited();
  });
  for (const choice of document.querySelectorAll("input[name=source]")) {
    choice.addEventListener("change", () => {
      set({ source: choice.value, noisy: choice.value === "hand" ? byId("noisy").value : "", word: -1 });
      makeNoise();
    });
  }
  byId("rate").addEventListener("input", () => drawn({ rate: Number(byId("rate").value) }));
  byId("seed").addEventListener("change", () => drawn({ seed: whole(byId("seed").value) }));
  byId("redraw").addEventListener("click", () => drawn({ seed: whole(state.seed) + 1 }));
}

const whole = (value) => Math.min(2 ** 31, Math.max(0, Math.round(Number(value) || 0)));

function drawn(changes) {
  set({ ...changes, source: "learned", noisy: "", word: -1 });
  makeNoise();
}

function choose(changes) {
  set({ ...changes, word: -1, ...(state.source === "hand" ? { source: "learned", noisy: "" } : {}) });
  return restore();
}

/** Show what the state says, from the document on. */
export async function restore() {
  if (!state.doc) set({ doc: facts.documents[0]?.key ?? OWN });
  passage = null;
  let trouble = "";
  if (state.doc !== OWN) {
    const asked = `${state.doc} ${state.part}`;
    try {
      const found = await get(`/api/passage?document=${encodeURIComponent(state.doc)}&part=${whole(state.part)}`);
      if (asked !== `${state.doc} ${state.part}`) return;
      passage = found;
    } catch (error) {
      trouble = error.message;
    }
  }
  byId("clean").value = passage ? passage.clean : state.doc === OWN ? state.text : "";
  const language = state.lang || passage?.language || "";
  byId("lang").value = facts.languages.includes(language) ? language : (facts.languages.includes("en") ? "en" : facts.languages[0]);
  if (state.source === "ocr" && passage?.ocr == null) set({ source: "learned" });
  show();
  if (trouble) return fail(trouble);
  makeNoise();
}

/** Bring the controls to what the state says. */
function show() {
  byId("doc").value = documentOf(state.doc) ? state.doc : OWN;
  const parts = documentOf(state.doc)?.parts ?? 1;
  byId("part-label").hidden = parts < 2;
  fill(byId("part"), ...Array.from({ length: parts }, (_, i) => el("option", { value: i }, `${i + 1} of ${parts}`)));
  byId("part").value = String(state.part);
  for (const choice of document.querySelectorAll("input[name=source]")) choice.checked = choice.value === state.source;
  byId("source-ocr").disabled = passage?.ocr == null;
  byId("rate").value = state.rate;
  byId("rate-value").textContent = percent(state.rate / 100, 1);
  byId("rate").setAttribute("aria-valuetext", `${state.rate} per cent`);
  byId("seed").value = state.seed;
  byId("clean-note").textContent =
    state.doc === OWN
      ? `Up to ${count(facts.longest)} characters. ${facts.no_data}`
      : passage && passage.ocr == null
        ? "The data hold no clean form of this document: this is what OCR read, and noise is added to it."
        : "Typing here makes it a text of your own.";
}

function makeNoise() {
  show();
  const { clean, language } = texts();
  if (state.source === "hand") {
    if (byId("noisy").value !== state.noisy) byId("noisy").value = state.noisy;
    return ready();
  }
  if (state.source === "ocr" && passage?.ocr != null) {
    noise.cancel();
    byId("noisy").value = passage.ocr;
    return ready();
  }
  return noise.ask(
    { text: clean, language, rate: state.rate / 100, seed: whole(state.seed) },
    (made) => {
      byId("noisy").value = made.noisy;
      ready();
    },
    fail,
  );
}

function fail(sentence) {
  complain(byId("text-error"), sentence);
  changed(null);
}

function ready() {
  complain(byId("text-error"));
  changed(texts());
}

export const complainOfText = (sentence) => complain(byId("text-error"), sentence);

export function describeNoise(result) {
  return `${plural(result.changes, "character")} of ${count(Array.from(texts().clean).length)} changed, lost or added: an error rate of ${percent(result.rate, 1)}.`;
}
