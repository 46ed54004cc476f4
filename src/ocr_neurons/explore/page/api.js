// Questions to the explorer's own server, and which answers still count.

async function answer(response) {
  const value = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(value.error ?? `The explorer answered with status ${response.status}.`);
  return value;
}

let open = 0; // questions that are not answered yet; said on <html>, for whoever waits for the page

function count(more) {
  open += more;
  document.documentElement.dataset.open = String(open);
}

async function reach(path, options) {
  count(1);
  try {
    return await answer(await fetch(path, options));
  } catch (error) {
    if (error instanceof TypeError) throw new Error("The explorer does not answer. Is `ocr-neurons explore` still running?");
    throw error;
  } finally {
    count(-1);
  }
}

export const get = (path) => reach(path);

export const post = (path, question) =>
  reach(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(question),
  });

/**
 * One question of a kind at a time. While one is being answered only the newest other one waits, and an answer that a
 * newer question has overtaken is dropped: a slider that is dragged never floods the model, and what is shown is always
 * the answer to what is set.
 */
export class Newest {
  constructor(path, busy = () => {}) {
    this.path = path;
    this.busy = busy;
    this.waiting = null;
    this.running = false;
    this.number = 0;
  }

  /** Forget what was asked; its answer will be dropped. */
  cancel() {
    this.number += 1;
    this.waiting = null;
  }

  async ask(question, use, fail) {
    this.number += 1;
    this.waiting = { question, use, fail, number: this.number };
    if (this.running) return;
    this.running = true;
    this.busy(true);
    while (this.waiting) {
      const now = this.waiting;
      this.waiting = null;
      let value;
      let error = null;
      try {
        value = await post(this.path, now.question);
      } catch (caught) {
        error = caught;
      }
      if (now.number !== this.number) continue;
      try {
        if (error) now.fail(error.message);
        else now.use(value);
      } catch (caught) {
        console.error(caught);
      }
    }
    this.running = false;
    this.busy(false);
  }
}
