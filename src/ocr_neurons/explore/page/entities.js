// Panel 3: entities on the clean, the noisy, and the noisy text under an edit; and what the edit is.

import { Newest } from "./api.js";
import { byId, complain, el, fill, later } from "./dom.js";
import { count, cut, neuronsIn, percent, plural } from "./format.js";
import { set, state } from "./state.js";
import { gold } from "./text.js";

const TINTS = 6;
let facts;
let texts = null;
let compared = null;
let edited = null;
const question = new Newest("/api/edit", (busy) => byId("entities-panel").setAttribute("aria-busy", String(busy)));

export function setUp(known) {
  facts = known;
  byId("kind-run").disabled = !facts.edit;
  byId("run-says").textContent = facts.edit ? `(${facts.edit.says})` : "(none: the run has not come so far)";
  byId("edit-on").addEventListener("change", () => change({ on: byId("edit-on").checked }));
  for (const choice of document.querySelectorAll("input[name=kind]")) {
    choice.addEventListener("change", () => change({ kind: choice.value, on: true, ...ofRun(choice.value) }));
  }
  byId("count").max = facts.ranking.count;
  byId("count").addEventListener("input", () => change({ n: Number(byId("count").value), kind: "ranking", on: true }));
  byId("layers").addEventListener("input", later(400, () => change({ layers: byId("layers").value, kind: "ranking", on: true })));
  byId("picked").addEventListener("input", later(400, () => change({ picked: byId("picked").value, kind: "neurons", on: true })));
  byId("factor").addEventListener("input", () => change({ factor: Number(byId("factor").value), on: true }));
  byId("factor-number").addEventListener("change", () => {
    const given = byId("factor-number").value;
    if (given === "") byId("factor-number").value = state.factor;  // an emptied field is no zero
    else change({ factor: Number(given), on: true });
  });
}

/** How many neurons of the ranking are edited: as set, or a hundredth of all and 200 at most. */
const many = () => state.n || Math.max(1, Math.min(200, Math.round(facts.ranking.count / 100)));

const ofRun = (kind) => (kind === "run" && facts.edit?.number ? { factor: facts.edit.number.value } : {});

function change(changes) {
  set(changes);
  ask();
}

/** Add a neuron to those picked by hand. */
export function pick(name) {
  const known = state.picked.split(/[\s,;]+/).filter(Boolean);
  if (!known.includes(name)) known.push(name);
  change({ picked: known.join(", "), kind: "neurons", on: true });
}

function showEdit() {
  byId("edit-on").checked = state.on;
  for (const choice of document.querySelectorAll("input[name=kind]")) choice.checked = choice.value === state.kind;
  const fields = { count: many(), layers: state.layers, picked: state.picked, factor: state.factor, "factor-number": state.factor };
  for (const [id, value] of Object.entries(fields)) {
    if (document.activeElement !== byId(id) || id === "factor") byId(id).value = value;
  }
  const fixed = state.kind === "run" && facts.edit && !facts.edit.number;
  byId("factor").disabled = byId("factor-number").disabled = Boolean(fixed);
  byId("factor-label").textContent = state.kind === "run" && facts.edit?.number?.name === "strength" ? "Strength" : "Multiply by";
}

/** The texts were read anew. */
export function show(given, result) {
  texts = given;
  compared = result;
  edited = null;
  render();
  ask();
}

export function clear() {
  question.cancel();
  texts = compared = edited = null;
  fill(byId("entities"));
  byId("entities-summary").textContent = "";
  complain(byId("edit-error"));
  showEdit();
}

function ask() {
  showEdit();
  complain(byId("edit-error"));
  if (!texts) return;
  if (!state.on) {
    question.cancel();
    edited = null;
    render();
    return;
  }
  const picked = state.kind === "neurons" ? neuronsIn(state.picked) : [];
  if (picked === null) return fail(`“${state.picked}” is no list of neurons. Write layer.neuron, such as 3.17, 12.1299.`);
  if (!Number.isInteger(many())) return fail("How many neurons must be a whole number.");
  if (!Number.isFinite(state.factor)) return fail("The factor must be a number.");
  const fixed = state.kind === "run" && facts.edit && !facts.edit.number;
  question.ask(
    { ...texts, kind: state.kind, count: many(), layers: state.layers, picked, factor: fixed ? null : state.factor },
    (answer) => {
      edited = answer;
      complain(byId("edit-error"));
      render();
    },
    fail,
  );
}

function fail(sentence) {
  question.cancel();
  edited = null;
  complain(byId("edit-error"), sentence);
  render();
}

function render() {
  if (!compared) return;
  const rows = [];
  const marked = gold();
  if (marked) {
    const spans = marked.map(([start, end, type]) => ({ start, end, type, mark: "" }));
    rows.push(row("marked by hand", texts.clean, spans, []));
  }
  rows.push(row("clean text", texts.clean, compared.clean.entities, []));
  rows.push(row("noisy text", texts.noisy, compared.noisy.entities, compared.noisy.lost));
  if (edited) rows.push(row("noisy text, edited", texts.noisy, edited.entities, edited.lost));
  fill(byId("entities"), ...rows.flat());
  byId("entities-summary").textContent = [noiseSays(), editSays()].filter(Boolean).join(" ");
}

function noiseSays() {
  const before = compared.clean.entities.length;
  const added = compared.noisy.entities.filter((one) => one.mark === "new").length;
  if (!before && !added) return "The tagger finds no entity in either text.";
  return `With the noise the tagger loses ${compared.noisy.lost.length} of its ${plural(before, "entity", "entities")} and finds ${added} new.`;
}

function editSays() {
  if (!edited) return "";
  const moved = edited.entities.filter((one) => one.moved).length + edited.dropped.length;
  if (!moved) {
    const [most] = edited.moves;
    const nearest = most
      ? ` It is felt most in “${most.word}”, whose label ${most.label} goes from ${percent(most.before, 1)} to ${percent(most.after, 1)}.`
      : "";
    return `The edit (${edited.says}) changes no tag.${nearest}`;
  }
  return `The edit (${edited.says}) brings back ${edited.back}, loses ${edited.gone} more, and changes ${plural(moved, "tag")} in all.`;
}

function row(name, text, entities, lost) {
  const pieces = [];
  let position = 0;
  for (const entity of entities) {
    pieces.push(document.createTextNode(cut(text, position, entity.start)));
    pieces.push(
      el(
        "span",
        { class: `entity tint${Math.max(0, facts.types.indexOf(entity.type)) % TINTS}${entity.moved ? " moved" : ""}` },
        cut(text, entity.start, entity.end),
        el("span", { class: "type" }, ` ${entity.type}${entity.sure === undefined ? "" : ` ${Math.round(100 * entity.sure)}`}`),
        entity.mark === "new" ? el("b", { class: "type new" }, " + new") : null,
        entity.moved ? el("b", { class: "type moved", title: "other than without the edit" }, " △") : null,
      ),
    );
    position = entity.end;
  }
  pieces.push(document.createTextNode(cut(text, position)));
  if (lost.length) pieces.push(el("span", { class: "lost" }, "Lost: ", ...lost.flatMap((one, i) => [i ? ", " : "", el("s", {}, one)])));
  return [el("dt", {}, name), el("dd", { "data-row": name }, ...pieces)];
}
