// The article behind a citation, with exactly the cited sentences marked.

import { bringIntoView, byId, element } from "./dom.js";
import { dateWords, sentenceCase } from "./words.js";

const panel = byId("source");
const title = byId("source-title");
const body = byId("source-body");

byId("source-close").addEventListener("click", () => panel.close());
// A click on the dimmed page around the panel closes it; the panel's own padding is not "around".
panel.addEventListener("click", (event) => {
  const box = panel.getBoundingClientRect();
  const outside =
    event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
  // A click made by the keyboard has no place (0, 0) and a target of its own.
  if (event.target === panel && event.detail > 0 && outside) panel.close();
});

/**
 * Opens the panel at once with what the citation itself holds, then with the article.
 * @param {object} citation
 * @param {(slug: string, revision: number) => Promise<object>} loadArticle
 */
export async function openSource(citation, loadArticle) {
  title.textContent = citation.title;
  body.replaceChildren(element("p", { class: "hint" }, "Opening the article…"));
  // A modal dialog keeps focus inside, closes with Escape and gives focus back to the citation that opened it.
  if (!panel.open) panel.showModal();
  let article;
  try {
    article = await loadArticle(citation.article, citation.revision);
  } catch {
    body.replaceChildren(
      element("p", {}, "The article could not be opened. The cited words are:"),
      element("blockquote", {}, element("mark", {}, citation.quote)),
    );
    return;
  }
  title.textContent = article.title;
  title.lang = article.language ?? "en";
  body.replaceChildren(...renderArticle(article, citation));
  const cited = body.querySelector("mark");
  if (cited) {
    cited.focus({ preventScroll: true });
    bringIntoView(cited, "center");
  }
}

function renderArticle(article, citation) {
  return [
    element(
      "div",
      { class: "article-meta" },
      element(
        "p",
        {},
        `Revision ${article.revision}`,
        article.review_by ? `, to be reviewed by ${dateWords(article.review_by)}` : "",
      ),
      article.status_note ? element("p", { class: "limits" }, sentenceCase(article.status_note)) : null,
      article.note ? element("p", { class: "limits" }, article.note) : null,
      element(
        "p",
        { class: "hint" },
        element("span", { class: "swatch", "aria-hidden": "true" }),
        "Marked: the words this answer cites",
      ),
    ),
    element(
      "div",
      { lang: article.language ?? "en", class: "article" },
      article.summary ? element("p", { class: "summary" }, article.summary) : null,
      (article.sections ?? []).map((section) =>
        element(
          "section",
          {},
          element("h3", {}, section.heading),
          section.passages.flatMap((passage) => renderPassage(passage, citation)),
        ),
      ),
      sources(article.sources ?? []),
    ),
  ];
}

function renderPassage(passage, citation) {
  const nodes = [];
  let list = null;
  let paragraph = null;
  passage.sentences.forEach((sentence, at) => {
    const cited = passage.id === citation.passage && at >= citation.first_sentence && at <= citation.last_sentence;
    // tabindex: the panel puts focus on the first cited sentence, so that a screen reader begins there.
    const words = cited ? element("mark", { tabindex: "-1" }, sentence.text) : sentence.text;
    if (sentence.kind === "list_item") {
      paragraph = null;
      if (!list) nodes.push((list = element("ul")));
      list.append(element("li", {}, words));
    } else {
      list = null;
      if (!paragraph) nodes.push((paragraph = element("p")));
      else paragraph.append(" ");
      paragraph.append(words);
    }
  });
  return nodes;
}

function sources(list) {
  if (list.length === 0) return null;
  return element(
    "section",
    { class: "works" },
    element("h3", {}, "Where this article's facts come from"),
    element(
      "ul",
      {},
      list.map((source) =>
        element(
          "li",
          {},
          `${source.organization}: `,
          source.url && /^https:/.test(source.url)
            ? element("a", { href: source.url, rel: "noreferrer" }, source.title)
            : source.title,
          source.year ? ` (${source.year})` : "",
        ),
      ),
    ),
  );
}
