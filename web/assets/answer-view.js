// One answer on the page. It takes the API's events as they come and puts each block in its place; it fetches nothing.
//
// Three voices must never be mistaken for each other: what the patient's chart says, what the guidance says (its own
// words, unchanged), and what the model says in plainer words. Each has its own section, heading and look.

import { element, svg } from "./dom.js";
import { Citations } from "./citations.js";
import { line, phoneNumbers, prose, takesMessages, telephoneAddress } from "./prose.js";
import { count, dateWords, languageOf, sectionName } from "./words.js";

// The order in which an answer is read, whatever order its blocks arrive in.
const SECTIONS = [
  ["notice", null],
  ["fact", "From your chart"],
  ["refusal", null],
  ["quote", "From the guidance"],
  ["explanation", "In plainer words"],
  ["next_step", "When to get help"],
  ["question_for_care_team", "Questions for your care team"],
];

export class AnswerView {
  #citations = new Citations();
  #sections = new Map();
  #shown = new Set();
  #urgency = "routine";
  #live;
  #modelRuns;
  #onOpen;

  /**
   * @param {object} options
   * @param {(citation: object) => void} options.onOpen opens a citation
   * @param {boolean} options.modelRuns whether plainer words may still come after the quotes
   * @param {boolean} options.live whether the answer is arriving now; an old one is not read out by itself
   */
  constructor({ onOpen, modelRuns = false, live = false }) {
    this.#onOpen = onOpen;
    this.#modelRuns = modelRuns;
    this.#live = live;
    // Additions only: removing "being written" is nothing to speak of.
    this.element = element("div", {
      class: "answer",
      "aria-live": live && "polite",
      "aria-relevant": live && "additions",
    });
    // An alert is spoken at once only if its element was there, empty, before the text came.
    this.alert = element("div", { class: "alert-place", role: live && "alert" });
  }

  triage(triage) {
    this.#urgency = triage.urgency;
  }

  block(block) {
    if (this.#shown.has(block.index)) return;
    this.#shown.add(block.index);
    if (block.kind === "notice" && this.#urgency === "emergency" && this.alert.childElementCount === 0) {
      this.alert.append(emergency(block.text));
      return;
    }
    this.#section(block.kind).append(this.#render(block));
    if (block.kind === "quote" && this.#live && this.#modelRuns) this.#waiting();
  }

  /** The whole answer, in case an event was missed; blocks that are already shown stay as they are. */
  finish(answer) {
    for (const block of answer.blocks ?? []) this.block(block);
    this.#stopWaiting();
    // Sources and the rest below are there to be looked up, not to be read out.
    this.element.removeAttribute("aria-live");
    this.element.append(this.#sources());
    // An explanation ("Explain this") is computed and quoted only: it has no release to tell of.
    if (answer.release) this.element.append(howItWasMade(answer));
  }

  /** The answer broke off or was stopped: what has arrived is still true and stays. */
  end(message) {
    this.#stopWaiting();
    if (this.#citations.all().length > 0) this.element.append(this.#sources());
    this.element.append(element("p", { class: "ended" }, message));
  }

  /** Says under the sources what the articles say of themselves: `[{title, note}]`, "seed content, not clinically reviewed". */
  articleNotes(notes) {
    const titles = new Map();
    for (const { title, note } of notes) titles.set(note, [...(titles.get(note) ?? []), title]);
    const lines = [...titles].map(([note, articles]) =>
      element("p", { class: "limits" }, `${sentence(note)}: ${articles.join(", ")}`),
    );
    this.element.querySelector(".sources")?.append(...lines);
  }

  /** The revisions cited, each once: `[{slug, revision}]`. */
  articles() {
    const each = new Map();
    for (const { citation } of this.#citations.all()) {
      each.set(`${citation.article}@${citation.revision}`, { slug: citation.article, revision: citation.revision });
    }
    return [...each.values()];
  }

  #section(kind) {
    const known = this.#sections.get(kind);
    if (known) return known;
    const at = SECTIONS.findIndex(([name]) => name === kind);
    const title = SECTIONS[at]?.[1] ?? null;
    const list = kind === "explanation" || kind === "question_for_care_team" || kind === "fact";
    const body = element(list ? "ul" : "div", { class: "blocks" });
    const section = element(
      "section",
      { class: `part part-${kind.replaceAll("_", "-")}` },
      title ? element("h4", {}, title) : null,
      body,
    );
    section.dataset.order = String(at < 0 ? SECTIONS.length : at);
    const after = [...this.element.children].find(
      (other) => Number(other.dataset.order ?? 99) > Number(section.dataset.order),
    );
    this.element.insertBefore(section, after ?? null);
    this.#sections.set(kind, body);
    return body;
  }

  #render(block) {
    const lang = languageOf(block.text);
    const marks = (block.citations ?? []).map((citation) => this.#mark(citation));
    switch (block.kind) {
      case "quote":
        return element(
          "figure",
          { class: "quote" },
          element("blockquote", { lang }, prose(block.text)),
          element("figcaption", {}, marks, " ", origin(block.citations?.[0])),
        );
      case "fact":
        return element("li", { class: "fact" }, element("div", { lang }, prose(block.text)), records(block.chart));
      case "explanation":
      case "question_for_care_team":
        return element("li", { lang }, line(block.text), " ", marks);
      case "next_step":
        return element(
          "div",
          { class: "next-step", lang },
          prose(block.text),
          element("p", { class: "marks" }, marks, " ", origin(block.citations?.[0])),
        );
      case "notice": {
        // The urgency notice always comes first; a later one states a limit ("I cannot change a dose").
        const urgent = this.#urgency === "urgent" && block.index === 0;
        return element(
          "div",
          { class: urgent ? "notice urgent" : "notice", lang },
          urgent ? element("h4", {}, lang === "es" ? "Busque atención hoy" : "Get care today") : null,
          prose(block.text),
        );
      }
      case "refusal":
        return element(
          "div",
          { class: "refusal", lang },
          element("h4", {}, "Not covered by our guidance"),
          prose(block.text),
        );
      default:
        return element("div", { lang }, prose(block.text), marks);
    }
  }

  #mark(citation) {
    const number = this.#citations.numberOf(citation);
    return element(
      "button",
      {
        type: "button",
        class: "mark-button",
        "aria-label": `Source ${number}: ${citation.title}, ${sectionName(citation.section)}. Show the cited sentence`,
        "aria-haspopup": "dialog",
        onclick: () => this.#onOpen(citation),
      },
      String(number),
    );
  }

  #sources() {
    const items = this.#citations.all().map(({ number, citation }) => {
      return element(
        "li",
        { value: number },
        element("span", { class: "title" }, citation.title),
        `: ${sectionName(citation.section)}, revision ${citation.revision}`,
      );
    });
    if (items.length === 0) return element("span", { hidden: true });
    return element(
      "section",
      { class: "sources" },
      element("h4", {}, "Sources"),
      element("ol", {}, items),
      element(
        "p",
        { class: "hint" },
        "This comes from published guidance. It does not replace advice from your care team.",
      ),
    );
  }

  #waiting() {
    if (this.waitingNote) return;
    this.waitingNote = element(
      "p",
      { class: "waiting" },
      element("span", { class: "pulse", "aria-hidden": "true" }),
      "Putting this in plainer words. Each sentence is checked before you see it.",
    );
    this.waitingNote.dataset.order = String(SECTIONS.findIndex(([name]) => name === "explanation") + 0.5);
    const after = [...this.element.children].find(
      (other) => Number(other.dataset.order ?? 99) > Number(this.waitingNote.dataset.order),
    );
    this.element.insertBefore(this.waitingNote, after ?? null);
  }

  #stopWaiting() {
    this.waitingNote?.remove();
  }
}

/** The emergency notice: the one thing on the page, with a button for every number it names. */
function emergency(text) {
  const lang = languageOf(text);
  const spanish = lang === "es";
  const calls = phoneNumbers(text).flatMap((number) => {
    const links = [
      element(
        "a",
        { class: "call", href: telephoneAddress(number) },
        phoneIcon(),
        `${spanish ? "Llamar al" : "Call"} ${number}`,
      ),
    ];
    if (takesMessages(text, number)) {
      links.push(
        element("a", { class: "call second", href: `sms:${number}` }, `${spanish ? "Mensaje al" : "Text"} ${number}`),
      );
    }
    return links;
  });
  return element(
    "section",
    { class: "emergency", lang },
    element("h4", {}, spanish ? "Busque ayuda ahora" : "Get help now"),
    element("p", { class: "calls" }, calls),
    prose(text),
  );
}

function phoneIcon() {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: "22", height: "22", "aria-hidden": "true", focusable: "false" },
    svg("path", {
      fill: "currentColor",
      d: "M6.6 10.8a15 15 0 0 0 6.6 6.6l2.2-2.2a1 1 0 0 1 1-.25 11.4 11.4 0 0 0 3.6.57 1 1 0 0 1 1 1V20a1 1 0 0 1-1 1A17 17 0 0 1 3 4a1 1 0 0 1 1-1h3.5a1 1 0 0 1 1 1c0 1.25.2 2.45.57 3.57a1 1 0 0 1-.25 1z",
    }),
  );
}

const origin = (citation) =>
  citation &&
  element("span", { class: "origin" }, element("cite", {}, citation.title), `, ${sectionName(citation.section)}`);

function records(references) {
  if (!references?.length) return null;
  const words = references.map((reference) =>
    reference.date ? `${reference.name}, ${dateWords(reference.date)}` : reference.name,
  );
  return element("p", { class: "records" }, `Record: ${words.join("; ")}`);
}

function howItWasMade(answer) {
  const release = answer.release ?? {};
  const rows = [
    [
      "Records used",
      answer.records_used?.length
        ? [...new Set(answer.records_used.map((r) => (r.date ? `${r.name}, ${dateWords(r.date)}` : r.name)))].join("; ")
        : "None",
    ],
    ["Model", release.model && release.model !== "none" ? short(release.model) : "No model: quotes only"],
    ["Guidance", short(release.guidance)],
    ["Prompts and rules", `${short(release.prompts)}, ${short(release.rules)}`],
    [
      "Time",
      Number.isFinite(answer.timings?.total_ms) ? `${(answer.timings.total_ms / 1000).toFixed(1)} seconds` : null,
    ],
    [
      "Model sentences shown",
      answer.timings?.claims
        ? `${answer.timings.claims_shown} of ${count(answer.timings.claims, "sentence")} written`
        : null,
    ],
    ["Reading level", Number.isFinite(answer.reading_grade) ? `US grade ${answer.reading_grade}` : null],
  ].filter(([, value]) => value);
  return element(
    "details",
    { class: "made" },
    element("summary", {}, "How this answer was made"),
    element(
      "dl",
      {},
      rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    ),
  );
}

const short = (hash) => String(hash ?? "").slice(0, 12);

const sentence = (note) => note.charAt(0).toUpperCase() + note.slice(1);
