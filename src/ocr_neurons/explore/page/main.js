// The page: what is set in one panel goes on to the next.

import * as alignment from "./alignment.js";
import { get, Newest } from "./api.js";
import { byId, complain } from "./dom.js";
import * as entities from "./entities.js";
import * as heat from "./heat.js";
import * as neuron from "./neuron.js";
import * as neurons from "./neurons.js";
import { onAddress, readAddress } from "./state.js";
import * as text from "./text.js";

const READ = ["align-panel", "entities-panel", "heat-panel", "neurons-panel"];
const panels = [alignment, entities, heat, neurons, neuron];

const compare = new Newest("/api/compare", (busy) => {
  for (const id of READ) byId(id).setAttribute("aria-busy", String(busy));
});

/** A clean and a noisy text are there, or (null) none. */
function changed(texts) {
  if (!texts) {
    compare.cancel();
    for (const panel of panels) panel.clear();
    byId("status").textContent = "";
    return;
  }
  compare.ask(
    texts,
    (result) => {
      alignment.show(result);
      heat.show(result);
      entities.show(texts, result);
      neurons.show(texts, result);
      neuron.show(texts, result);
      byId("status").textContent = `Reading both texts took ${result.seconds.toFixed(1)} s.`;
    },
    (sentence) => {
      for (const panel of panels) panel.clear();
      text.complainOfText(sentence);
    },
  );
}

async function begin() {
  readAddress();
  let facts;
  try {
    facts = await get("/api/run");
  } catch (error) {
    complain(byId("error"), error.message);
    return;
  }
  byId("kicker").textContent = `Explorer · run ${facts.run} · model ${facts.model}, ${facts.layers} layers × ${facts.width} neurons · data ${facts.data}`;
  document.title = `Explorer: ${facts.run}`;
  text.setUp(facts, changed);
  entities.setUp(facts);
  heat.setUp(neurons.ask);
  neurons.setUp(facts, neuron.look);
  neuron.setUp(facts, entities.pick);
  const restore = () => {
    text.restore();
    neuron.restore();
  };
  onAddress(restore);
  restore();
}

begin();
