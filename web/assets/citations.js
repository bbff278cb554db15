// Numbers the sources of one answer.

/**
 * One number per cited passage, in the order in which they are first cited. A quote and the plain sentence made from it
 * share a number; each opens the article at its own sentences.
 */
export class Citations {
  #numbers = new Map();

  /** The number of a citation's passage. */
  numberOf(citation) {
    const key = `${citation.article}@${citation.revision}#${citation.passage}`;
    const known = this.#numbers.get(key);
    if (known) return known.number;
    const number = this.#numbers.size + 1;
    this.#numbers.set(key, { number, citation });
    return number;
  }

  /** `[{number, citation}]` in order. */
  all() {
    return [...this.#numbers.values()];
  }
}
