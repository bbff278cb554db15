// One turn of a conversation: the question, its answer, and what can be done with it (stop, try again, feedback).

import { announce, element } from "./dom.js";
import { AnswerView } from "./answer-view.js";
import { line } from "./prose.js";
import { dateWords, languageOf } from "./words.js";

export class TurnView {
  constructor({ question, createdAt = null, onOpen, modelRuns = false, live = false, label = "You asked" }) {
    this.answer = new AnswerView({ onOpen, modelRuns, live });
    this.title = element(
      "h3",
      { tabindex: "-1", lang: languageOf(question) },
      element(
        "span",
        { class: "asked", lang: "en" },
        createdAt ? `${label} on ${dateWords(createdAt, { time: true })} ` : `${label} `,
      ),
      element("span", { class: "words" }, question),
    );
    // Above the answer: below it, Stop would run away from the finger as blocks arrive.
    this.progress = element("div", { class: "turn-controls" });
    this.controls = element("div", { class: "turn-controls" });
    this.element = element(
      "article",
      { class: "turn" },
      this.title,
      this.answer.alert,
      this.progress,
      this.answer.element,
      this.controls,
    );
  }

  /** Puts plots with the facts they show, below anything that is urgent. */
  showPlots(plots) {
    const facts = this.answer.element.querySelector(".part-fact");
    if (facts) facts.after(...plots);
    else this.answer.element.prepend(...plots);
  }

  /** While the answer is being made. */
  showStop(onStop) {
    this.progress.replaceChildren(
      element("span", { class: "pulse", "aria-hidden": "true" }),
      element("span", {}, "Answering…"),
      element("button", { type: "button", class: "quiet", onclick: onStop }, "Stop"),
    );
  }

  finished() {
    // Stop takes the keyboard focus with it when it goes; the question's heading keeps the place.
    if (this.progress.contains(document.activeElement)) this.title.focus({ preventScroll: true });
    this.progress.replaceChildren();
  }

  failed(message, onAgain) {
    this.finished();
    this.controls.replaceChildren(
      element("p", { class: "message", role: "alert" }, line(message)),
      onAgain ? element("button", { type: "button", class: "quiet", onclick: onAgain }, "Try again") : "",
    );
  }

  /** @param {(helpful: boolean, comment?: string) => Promise<void>} send */
  showFeedback(send) {
    const said = element("span", { class: "hint" });
    const choose = (helpful) => async (event) => {
      const pressed = event.currentTarget;
      try {
        await send(helpful);
      } catch {
        said.textContent = "Your feedback could not be sent. Please try again.";
        announce(said.textContent);
        return;
      }
      for (const button of buttons) button.setAttribute("aria-pressed", String(button === pressed));
      said.textContent = "Thank you.";
      announce("Thank you for your feedback.");
      comment.hidden = helpful;
    };
    const buttons = [
      element(
        "button",
        { type: "button", class: "quiet", "aria-pressed": "false", onclick: choose(true) },
        "Yes, helpful",
      ),
      element("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: choose(false) }, "No"),
    ];
    const field = element("textarea", { rows: 2, maxlength: 2000 });
    const comment = element(
      "form",
      {
        class: "comment",
        hidden: true,
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            await send(false, field.value.trim());
            comment.hidden = true;
            said.textContent = "Thank you. Your comment was sent.";
          } catch {
            said.textContent = "Your comment could not be sent. Please try again.";
          }
          announce(said.textContent);
        },
      },
      element("label", {}, "What was missing or unclear? (optional)", field),
      element("button", { type: "submit", class: "quiet" }, "Send comment"),
    );
    this.controls.replaceChildren(
      element(
        "div",
        { class: "feedback", role: "group", "aria-label": "Feedback on this answer" },
        element("span", {}, "Was this answer helpful?"),
        buttons,
        said,
      ),
      comment,
    );
  }
}
