// Plain words for the API's names, dates as a patient reads them, and the language of a text.

const SECTION = {
  overview: "What it is",
  symptoms: "Symptoms",
  causes: "Causes",
  risk: "Who is at risk",
  contagion: "How it spreads",
  diagnosis: "How it is found",
  results: "What results mean",
  treatment: "Treatment",
  medicines: "Medicines",
  side_effects: "Side effects",
  self_care: "What you can do",
  prevention: "Prevention",
  complications: "Complications",
  outlook: "What to expect over time",
  what_to_expect: "What to expect",
  when_to_get_help: "When to get help",
  next_steps: "What usually happens next",
  questions_to_ask: "Questions to ask",
};

/** `when_to_get_help` → "When to get help"; a name this page does not know is at least made readable. */
export const sectionName = (kind) => SECTION[kind] ?? sentenceCase(kind);

/** `entered-in-error` → "Entered in error". */
export function sentenceCase(name) {
  const words = String(name ?? "")
    .replace(/[_-]+/g, " ")
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * A date of any precision ("2021", "2021-04", "2021-04-09T10:00:00Z") in words; other text comes back as it is. A number
 * is a moment in milliseconds since 1970, as the API gives its own times.
 */
export function dateWords(text, { time = false } = {}) {
  if (typeof text === "number")
    return format(new Date(text), time ? { dateStyle: "medium", timeStyle: "short" } : { dateStyle: "medium" });
  const parts = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(T.*)?$/.exec(text ?? "");
  if (!parts) return text ?? "";
  const [, year, month, day, clock] = parts;
  if (!month) return year;
  if (!day)
    return format(new Date(Date.UTC(+year, +month - 1, 1)), { year: "numeric", month: "long", timeZone: "UTC" });
  if (time && clock) {
    const moment = new Date(text);
    if (!Number.isNaN(moment.valueOf())) return format(moment, { dateStyle: "medium", timeStyle: "short" });
  }
  // The day as recorded. Reading it in the browser's time zone could move a lab result to the day before.
  return format(new Date(Date.UTC(+year, +month - 1, +day)), { dateStyle: "medium", timeZone: "UTC" });
}

const format = (date, options) => new Intl.DateTimeFormat("en-US", options).format(date);

const SPANISH =
  /\b(el|la|los|las|un|una|de|del|que|para|por|con|su|sus|mi|es|si|no|al|como|usted|puede|llame|ahora|qué|cómo|cuál|más|también|está|tengo)\b/giu;
const ENGLISH =
  /\b(the|a|an|of|to|and|in|is|are|for|with|your|you|my|if|it|this|that|can|what|how|when|do|does|call|now)\b/giu;

/**
 * "es" for Spanish text, else null (the page's own English). The API's answer does not name its language, and a screen
 * reader that reads Spanish with an English voice cannot be understood; counting small words tells the two apart.
 */
export function languageOf(text) {
  const words = text ?? "";
  if (/[¿¡]/.test(words)) return "es";
  const spanish = words.match(SPANISH)?.length ?? 0;
  return spanish >= 2 && spanish > (words.match(ENGLISH)?.length ?? 0) ? "es" : null;
}

/** "1 question", "2 questions". */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
