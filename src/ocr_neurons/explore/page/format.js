// Numbers in words.

export const count = (number) => number.toLocaleString("en-GB");

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;

const minus = (text) => text.replace("-", "−");

/** Three figures or so. */
export function figure(number) {
  if (number === null || number === undefined) return "–";
  const size = Math.abs(number);
  if (size === 0) return "0";
  if (size < 0.001) return minus(size < 1e-6 ? number.toExponential(0) : number.toPrecision(1));
  return minus(number.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3));
}

/** Characters `start` to `end` of a text, counted as the server counts them: a letter beyond the first plane is one. */
export const cut = (text, start, end) => Array.from(text).slice(start, end).join("");

export const signed = (number) => (number > 0 ? "+" : "") + figure(number);

/** `layer.index`, as a neuron is called here. */
export const nameOf = (layer, index) => `${layer}.${index}`;

/** The neurons in a text such as `3.17, 12.1299`; null where it is no such list. */
export function neuronsIn(text) {
  const found = [];
  for (const part of text.split(/[\s,;]+/).filter(Boolean)) {
    const match = /^(\d{1,5})\.(\d{1,7})$/.exec(part);
    if (!match) return null;
    found.push([Number(match[1]), Number(match[2])]);
  }
  return found;
}

export function chance(p) {
  if (p === null || p === undefined) return "–";
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}
