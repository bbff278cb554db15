// Answer text as elements: paragraphs, lists, and telephone numbers that can be tapped.

import { element } from "./dom.js";

// A full number ("1-800-222-1222"), or any number after a word that says to call or text it. A bare "911" in other company
// ("911 mg/dL") is not a telephone number. The institution configures its numbers, so none is named here.
const FULL = String.raw`(?<![\d-])(?:\+?\d{1,2}[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?![\d-])`;
const TOLD = String.raw`(?<=\b(?:call|calling|text|dial|phone|llame|llamen|llamar|marque|al)\s)\+?\d[\d-]{1,14}\d(?![\d%-]|[.,]\d|\s?(?:mg|g|mL|mm)\b)`;
const NUMBERS = new RegExp(`${FULL}|${TOLD}`, "giu");

/** The numbers a text tells the reader to call, each once, in order. */
export function phoneNumbers(text) {
  return [...new Set(text.match(NUMBERS) ?? [])];
}

/** Whether the text offers this number for text messages too ("Call or text 988", "un mensaje … al 988"). */
export function takesMessages(text, number) {
  return new RegExp(String.raw`(?:\btext|mensaje[^.]{0,20}al)\s+${number}\b`, "iu").test(text);
}

export const telephoneAddress = (number) => `tel:${number.replace(/[^\d+]/g, "")}`;

/** One line of text, its telephone numbers as links. */
export function line(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(NUMBERS)) {
    parts.push(
      text.slice(at, match.index),
      element("a", { href: telephoneAddress(match[0]), class: "phone" }, match[0]),
    );
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  return parts;
}

/** Answer text: lines that begin with "- " are the items of a list, every other line is a paragraph. */
export function prose(text) {
  const nodes = [];
  let list = null;
  for (const row of text.split("\n")) {
    const words = row.trim();
    if (words === "") continue;
    if (words.startsWith("- ")) {
      if (!list) nodes.push((list = element("ul")));
      list.append(element("li", {}, line(words.slice(2))));
    } else {
      list = null;
      nodes.push(element("p", {}, line(words)));
    }
  }
  return nodes;
}
