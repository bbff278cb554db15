// What comes next and what is due: two lists in the server's words and order.

import { element } from "./dom.js";
import { dateWords } from "./words.js";

const STEP = {
  booked: "Booked",
  ordered_not_booked: "Ordered, not booked yet",
  recommended: "Recommended",
  watch: "Keep an eye on this",
};

/** `GET /v1/me/next-steps`: a dated list, overdue ones first. */
export function showNextSteps(place, answer) {
  const steps = listIn(answer, "next_steps");
  if (steps.length === 0) return;
  place.replaceChildren(
    element(
      "section",
      { class: "group" },
      element("h3", {}, "What comes next"),
      element(
        "ol",
        { class: "steps" },
        steps.map((step) =>
          element(
            "li",
            { class: step.overdue && "overdue" },
            step.date ? element("span", { class: "step-date" }, dateWords(step.date, { time: true })) : null,
            element("span", { class: "record-name" }, step.title),
            element("span", { class: "record-notes" }, step.overdue ? "Overdue" : STEP[step.kind]),
            step.text ? element("span", { class: "record-text" }, step.text) : null,
            step.instruction ? element("span", { class: "record-text" }, step.instruction) : null,
          ),
        ),
      ),
    ),
  );
}

// What needs doing first; the rest is there to look up.
const STANDING = [
  ["overdue", "Overdue"],
  ["due", "Due now"],
  ["shared_decision", "To decide with your clinician"],
  ["unknown", "Your chart does not say"],
  ["not_yet", "Later"],
  ["up_to_date", "Up to date"],
  ["not_applicable", "Not for you"],
];
const OPEN = new Set(["overdue", "due", "shared_decision"]);

/** `GET /v1/me/preventive-care`: each item with its reason, its source and the source's grade. */
export function showPreventiveCare(place, answer) {
  const items = listIn(answer, "items");
  const lists = STANDING.map(([status, title]) => ({
    status,
    title,
    items: items.filter((item) => item.status === status),
  })).filter((list) => list.items.length > 0);
  if (lists.length === 0) return;
  place.replaceChildren(
    element(
      "section",
      { class: "group preventive" },
      element("h3", {}, "Preventive care"),
      lists.map((list) =>
        element(
          "details",
          { open: OPEN.has(list.status) },
          element("summary", {}, `${list.title} (${list.items.length})`),
          element("ul", { class: "records-list" }, list.items.map(preventiveItem)),
        ),
      ),
    ),
  );
}

function preventiveItem(item) {
  const grade = item.grade ? `, grade ${item.grade}` : "";
  const source = item.source ? `${item.source.organization}, ${item.source.year}${grade}` : null;
  const day = item.status === "not_yet" ? (item.recommended ?? item.earliest) : null;
  return element(
    "li",
    {},
    element("span", { class: "record-name" }, item.title),
    element("p", { class: "record-text" }, item.why),
    item.missing?.length
      ? element("p", { class: "record-text" }, `Missing in your chart: ${item.missing.join(", ")}`)
      : null,
    element(
      "p",
      { class: "record-notes" },
      [day ? `From ${dateWords(day)}` : null, source].filter(Boolean).join(" · "),
    ),
  );
}

const listIn = (answer, key) => answer?.[key] ?? [];
