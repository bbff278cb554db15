// The list of earlier conversations. A conversation has no title of its own: a summary of someone's questions in a list
// is read over a shoulder more easily than a date.

import { byId, element } from "./dom.js";
import { count, dateWords } from "./words.js";

const SHOWN_AT_FIRST = 5;

/**
 * @param {{id: string, created_at: number, updated_at: number, turns: number}[]} conversations newest first
 * @param {{onOpen: (id: string) => void, onDelete: (id: string) => void}} actions
 */
export function showPast(conversations, { onOpen, onDelete }) {
  const entries = conversations.map(({ id, created_at: begun, updated_at: last, turns }) => {
    const name = dateWords(last ?? begun, { time: true });
    const open = element(
      "button",
      { type: "button", class: "link", onclick: () => onOpen(id) },
      `${name}, ${count(turns, "question")}`,
    );
    const remove = element(
      "button",
      {
        type: "button",
        class: "quiet danger small",
        "aria-label": `Delete the conversation of ${name}`,
        onclick: () => onDelete(id),
      },
      "Delete",
    );
    return element("li", {}, open, remove);
  });
  const rest = entries.slice(SHOWN_AT_FIRST);
  const more = element(
    "button",
    {
      type: "button",
      class: "quiet small",
      hidden: rest.length === 0,
      onclick: () => {
        more.remove();
        byId("past-list").append(...rest);
        rest[0].querySelector("button").focus();
      },
    },
    `Show ${rest.length} more`,
  );
  byId("past").hidden = entries.length === 0;
  byId("past-list").replaceChildren(...entries.slice(0, SHOWN_AT_FIRST));
  byId("past-more").replaceChildren(more);
}
