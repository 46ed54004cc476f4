// Making and finding elements. Text goes in as text, never as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with properties (`class`, `on…` functions, ARIA and other attributes) and children. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Replace all children. */
export const fill = (parent, ...children) => parent.replaceChildren(...children.filter((child) => child !== null));

/** Show a sentence in a paragraph of errors, or hide it. */
export function complain(paragraph, sentence = "") {
  paragraph.textContent = sentence;
  paragraph.hidden = !sentence;
}

/** `wait` milliseconds after the last call. */
export function later(wait, call) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...given), wait);
  };
}
