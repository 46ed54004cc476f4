// What is set on the page, kept in the fragment of its address, so that a link brings it back.

export const DEFAULTS = {
  doc: "", part: 0, lang: "", text: "", // a document of the run, or (doc "own") a text of one's own
  source: "learned", rate: 8, seed: 1, noisy: "", // noisy: when made by hand
  // n 0: as many as suit the model
  on: false, kind: "ranking", n: 0, layers: "", picked: "", factor: 0.5,
  all: false, word: -1, layer: -1, order: "deviations",
  neuron: "", times: 0, fires: false,
};
const CHOICES = {
  source: ["learned", "ocr", "hand"],
  kind: ["run", "ranking", "neurons"],
  order: ["deviations", "difference"],
};

export const state = { ...DEFAULTS };

/** Read the address; what it does not say, or says wrongly, is as at the beginning. */
export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    const text = given.get(name);
    let value = usual;
    if (text !== null) {
      if (typeof usual === "number") value = text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : usual;
      else if (typeof usual === "boolean") value = text === "1";
      else value = text;
      if (CHOICES[name] && !CHOICES[name].includes(value)) value = usual;
    }
    state[name] = value;
  }
}

let written = "";

/** Change some of it, and the address with it. */
export function set(changes) {
  Object.assign(state, changes);
  const said = new URLSearchParams();
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    if (state[name] !== usual) said.set(name, typeof usual === "boolean" ? (state[name] ? "1" : "0") : state[name]);
  }
  written = `#${said}`;
  history.replaceState(null, "", written);
}

/** Call `then` when the address was changed by someone else: a link pasted, the arrows of the browser. */
export function onAddress(then) {
  addEventListener("hashchange", () => {
    if (location.hash === written) return;
    readAddress();
    then();
  });
}
