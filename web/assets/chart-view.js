// The patient's chart in plain groups. It shows what the server says and computes nothing: whether a value is high is the
// server's to say. Every field may be missing: a chart is whatever the hospital recorded.

import { element } from "./dom.js";
import { rangeBar, trend } from "./plots.js";
import { count, sentenceCase } from "./words.js";

// The lists of `GET /v1/me/chart` in reading order: what is current comes first, what is over comes last. `first` is how
// many are shown before "Show more"; a long chart must not push its own end out of sight.
const GROUPS = [
  { key: "conditions_active", title: "Health conditions", first: 6, show: condition },
  { key: "medicines_current", title: "Medicines", first: 6, show: medicine },
  { key: "allergies", title: "Allergies", first: 6, show: allergy },
  { key: "results", title: "Test results", first: 5, show: result, only: (group) => group.category === "laboratory" },
  { key: "results", title: "Vital signs", first: 4, show: result, only: (group) => group.category === "vital-signs" },
  { key: "results", title: "Other measurements", first: 2, show: result, only: isOther },
  { key: "appointments", title: "Appointments", first: 4, show: plain },
  { key: "orders", title: "Ordered", first: 4, show: plain },
  { key: "care_plans", title: "Care plans", first: 3, show: carePlan },
  { key: "vaccines", title: "Vaccines", first: 3, show: vaccine },
  { key: "visits", title: "Visits", first: 3, show: visit },
  { key: "procedures", title: "Procedures", first: 3, show: plain },
  { key: "reports", title: "Reports", first: 3, show: plain },
  { key: "notes", title: "Notes", first: 2, show: plain },
  { key: "family_history", title: "Family history", first: 3, show: relative },
  { key: "conditions_past", title: "Past conditions", first: 2, show: condition },
  { key: "medicines_past", title: "Past medicines", first: 2, show: medicine },
];

/**
 * Fills `place` with the chart.
 * @param {(subject: {kind: "result" | "condition", id: string, name: string}) => void} onExplain
 */
export function showChart(place, chart, onExplain) {
  const sections = GROUPS.flatMap((group) => {
    const items = (chart?.[group.key] ?? []).filter(group.only ?? (() => true));
    return items.length === 0 ? [] : [showGroup(group, items, onExplain)];
  });
  if (sections.length === 0) {
    sections.push(element("p", { class: "hint" }, "Your chart is empty here. Your care team can tell you more."));
  }
  place.replaceChildren(...sections, keptUnread(chart?.kept_unread) ?? "");
}

function isOther(group) {
  return group.category !== "laboratory" && group.category !== "vital-signs";
}

function showGroup(group, items, onExplain) {
  const entries = items.map((item) => element("li", {}, group.show(item, onExplain)));
  const rest = entries.slice(group.first);
  const list = element("ul", { class: "records-list" }, entries.slice(0, group.first));
  const showRest = (event) => {
    list.append(...rest);
    event.currentTarget.remove();
    // The button is gone, so focus goes to where the reading goes on.
    rest[0].setAttribute("tabindex", "-1");
    rest[0].focus();
  };
  const more =
    rest.length === 0
      ? null
      : element(
          "button",
          {
            type: "button",
            class: "quiet small",
            "aria-label": `Show ${rest.length} more: ${group.title}`,
            onclick: showRest,
          },
          `Show ${rest.length} more`,
        );
  return element("section", { class: "group" }, element("h3", {}, group.title), list, more);
}

function condition(item, onExplain) {
  const until = item.until ? `until ${item.until}` : null;
  return [
    head(item.name),
    notes([sentenceCase(item.status), item.since ? `since ${item.since}` : null, until]),
    item.recorded_name && item.recorded_name !== item.name ? notes([`In your record: ${item.recorded_name}`]) : null,
    explainButton("condition", item.reference, item.name, onExplain),
  ];
}

function medicine(item) {
  return [
    head(item.name),
    ...(item.instructions ?? []).map((text) => element("p", { class: "record-text" }, text)),
    notes([
      item.kind,
      item.reasons?.length ? `For: ${item.reasons.join(", ")}` : null,
      item.current ? null : item.status,
    ]),
    ...(item.questions ?? []).map((text) => element("p", { class: "record-text" }, `Ask your pharmacist: ${text}`)),
  ];
}

function allergy(item) {
  return [head(item.name), notes([item.reactions?.join(", "), item.active ? null : "not active now"])];
}

function result(group, onExplain) {
  const latest = group.latest ?? {};
  const lines = latest.lines ?? [];
  // One value stands beside the name of the test; a blood pressure has two, each with a name of its own.
  const single = lines.length === 1;
  return [
    head(group.name, single ? lines[0].value : null),
    notes([latest.when, latest.status ? sentenceCase(latest.status) : null]),
    ...lines.flatMap((line, at) => [
      single ? null : head(line.name, line.value, "record-part"),
      notes([standing(line), line.also]),
      rangeBar(
        { value: line.number, low: line.range?.low, high: line.range?.high, standing: line.standing },
        line.name,
      ),
      trend(series(group, at, line.unit), {
        name: line.name,
        unit: line.unit,
        low: line.range?.low,
        high: line.range?.high,
      }),
    ]),
    explainButton("result", latest.reference, group.name, onExplain),
  ];
}

/** The same line of all listed results, where it has a number in the same unit: other units cannot share an axis. */
function series(group, at, unit) {
  return [group.latest, ...(group.earlier ?? [])].flatMap((one) => {
    const line = one?.lines?.[at];
    return line && Number.isFinite(line.number) && line.unit === unit && one.reference?.date
      ? [{ date: one.reference.date, value: line.number }]
      : [];
  });
}

function standing(line) {
  if (!line.range?.text) return line.why_unclear ?? null;
  const range =
    line.range.origin === "usual"
      ? `the usual range, ${line.range.text}`
      : `the range that came with it, ${line.range.text}`;
  switch (line.standing) {
    case "below":
      return `Below ${range}`;
    case "above":
      return `Above ${range}`;
    case "within":
      return `Within ${range}`;
    case "different":
      return `Expected: ${line.range.text}`;
    default:
      return line.why_unclear ?? `Range: ${line.range.text}`;
  }
}

function vaccine(item) {
  return [
    head(item.name),
    notes([item.when, item.dose ? `dose ${item.dose}` : null, item.given === false ? "not given" : null]),
  ];
}

function visit(item) {
  const people = item.with?.length ? `with ${item.with.join(", ")}` : null;
  return [
    head(item.name),
    notes([item.when, item.kind, people, item.place]),
    item.reasons?.length ? notes([`For: ${item.reasons.join(", ")}`]) : null,
  ];
}

function carePlan(item) {
  const lines = [...(item.goals ?? []).map((goal) => `Goal: ${goal}`), ...(item.activities ?? [])];
  return [
    head(item.name),
    notes([
      item.active ? "Active" : "Not active now",
      item.since ? `since ${item.since}` : null,
      item.addresses?.length ? `for ${item.addresses.join(", ")}` : null,
    ]),
    lines.length
      ? element(
          "ul",
          { class: "record-text" },
          lines.map((line) => element("li", {}, line)),
        )
      : null,
  ];
}

function relative(item) {
  return [head(sentenceCase(item.relative)), notes([item.conditions?.join(", ")])];
}

function plain(item) {
  const details = (item.details ?? []).map((text) => element("p", { class: "record-text" }, text));
  return [
    head(item.name),
    notes([item.when, item.status && item.status !== "final" ? sentenceCase(item.status) : null]),
    ...details,
  ];
}

function head(name, value = null, style = "record-head") {
  return element(
    "div",
    { class: style },
    element("span", { class: "record-name" }, name ?? "Unnamed"),
    value ? element("span", { class: "record-value" }, value) : null,
  );
}

function notes(parts) {
  const text = parts.filter(Boolean).join(" · ");
  return text ? element("p", { class: "record-notes" }, text) : null;
}

function explainButton(kind, reference, name, onExplain) {
  if (!reference?.id) return null;
  return element(
    "button",
    {
      type: "button",
      class: "quiet small",
      "aria-label": `Explain this: ${name}`,
      onclick: () => onExplain({ kind, id: reference.id, name }),
    },
    "Explain this",
  );
}

/** Says that records were kept but cannot be read here, rather than leave the patient to think they are not there. */
function keptUnread(counts) {
  const total = Object.values(counts ?? {}).reduce((sum, number) => sum + number, 0);
  return total === 0
    ? null
    : element(
        "p",
        { class: "hint" },
        `${count(total, "more record")} of other kinds ${total === 1 ? "is" : "are"} kept in your chart but not shown here.`,
      );
}
