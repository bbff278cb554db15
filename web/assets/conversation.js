// The conversation: asking, watching the answer arrive, stopping it, deleting it, and coming back to earlier ones.

import { announce, bringIntoView, byId, element } from "./dom.js";
import { ApiError } from "./api.js";
import { TurnView } from "./turn-view.js";
import { openSource } from "./source-panel.js";
import { resultPlots } from "./plots.js";
import { showPast } from "./past-view.js";
import { count } from "./words.js";

const EXAMPLES = [
  "What does my A1C result mean?",
  "What usually happens next with prediabetes?",
  "How can I lower my blood pressure at home?",
  "What should I ask my doctor about my cholesterol?",
];

export class Conversation {
  #api;
  #onSignedOut;
  #modelRuns = false;
  #id = null;
  #running = null;
  #articles = new Map();
  #turns = byId("turns");
  #question = byId("question");

  /** @param {{api: object, onSignedOut: () => void}} options */
  constructor({ api, onSignedOut }) {
    this.#api = api;
    this.#onSignedOut = onSignedOut;
    this.#connect();
  }

  /** Begins afresh for a patient who has just signed in. */
  async start({ modelRuns }) {
    this.#modelRuns = modelRuns;
    this.#articles.clear();
    this.#clear();
    await this.#listPast();
  }

  /** Stops what is running, and leaves nothing of the patient on the page. */
  leave() {
    this.#clear();
    this.#question.value = "";
    showPast([], {});
  }

  /** Puts a question, as the form does. */
  async ask(question) {
    if (this.#running) return;
    const turn = this.#addTurn({ question, live: true });
    turn.title.focus({ preventScroll: true });
    bringIntoView(turn.element);
    // Made once per question, not per attempt: see `ask` in api.js.
    await this.#answer(turn, question, newKey());
  }

  /** Shows an answer that came without a question ("Explain this"). */
  showExplanation(title, explanation) {
    const turn = this.#addTurn({ question: title, live: true, label: "Explained" });
    this.#fill(turn, asAnswer(explanation));
    if (explanation.result) turn.showPlots(resultPlots(explanation.result));
    turn.title.focus({ preventScroll: true });
    bringIntoView(turn.element);
  }

  #connect() {
    const form = byId("ask");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#question.addEventListener("keydown", (event) => {
      // isComposing: Enter also accepts a suggestion of an input method, which must not send half a question.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    this.#question.addEventListener("input", () => this.#fieldError(""));
    byId("example-list").replaceChildren(
      ...EXAMPLES.map((example) =>
        element(
          "li",
          {},
          element("button", { type: "button", class: "example", onclick: () => this.ask(example) }, example),
        ),
      ),
    );
    byId("new-conversation").addEventListener("click", () => {
      this.#clear();
      this.#listPast();
      this.#question.focus();
    });
    byId("delete-conversation").addEventListener("click", () => this.#delete(this.#id));
  }

  #submit() {
    const question = this.#question.value.trim();
    if (question === "") {
      this.#fieldError("Write a question first.");
      this.#question.focus();
      return;
    }
    if (this.#running) {
      this.#fieldError("Wait for the answer above, or stop it, then ask again.");
      return;
    }
    this.#question.value = "";
    this.ask(question);
  }

  /** What went wrong with a whole conversation; empty text takes it away. */
  #say(text) {
    byId("conversation-message").textContent = text;
    byId("conversation-message").hidden = text === "";
  }

  #fieldError(message) {
    byId("question-error").textContent = message;
    if (message) this.#question.setAttribute("aria-invalid", "true");
    else this.#question.removeAttribute("aria-invalid");
    if (message) announce(message);
  }

  async #answer(turn, question, key) {
    const stop = new AbortController();
    this.#running = stop;
    turn.showStop(() => stop.abort());
    announce("Answering.");
    try {
      if (!this.#id) {
        this.#id = (await this.#api.startConversation()).id;
        this.#showActions();
      }
      for await (const { event, data } of this.#api.ask(this.#id, question, { key, signal: stop.signal })) {
        // The patient went elsewhere meanwhile: nothing of this answer belongs on the page now.
        if (!turn.element.isConnected) return;
        if (event === "triage") turn.answer.triage(data);
        else if (event === "block") turn.answer.block(data);
        else if (event === "answer") this.#finish(turn, data.answer, data.id);
      }
    } catch (error) {
      if (turn.element.isConnected) this.#failed(turn, error, question, key);
    } finally {
      if (this.#running === stop) this.#running = null;
    }
  }

  #finish(turn, answer, id) {
    turn.answer.finish(answer);
    turn.finished();
    if (id) turn.showFeedback((helpful, comment) => this.#api.feedback(id, helpful, comment));
    this.#noteLimits(turn);
    announce("The answer is complete.");
  }

  #failed(turn, error, question, key) {
    if (error.name === "AbortError") {
      turn.finished();
      turn.answer.end("You stopped this answer. What had arrived is kept in this conversation.");
      this.#noteLimits(turn);
      announce("Stopped.");
      return;
    }
    if (error.status === 401) {
      this.#onSignedOut();
      return;
    }
    const wait =
      error.status === 503 && error.retryAfter ? ` Try again in about ${count(error.retryAfter, "second")}.` : "";
    // Deleted meanwhile, on another page perhaps: the next attempt begins a new conversation.
    if (error.status === 404) this.#id = null;
    // What has arrived stays: it was quoted or checked before it was sent.
    if (turn.answer.articles().length > 0) {
      turn.answer.end("The answer broke off here.");
      this.#noteLimits(turn);
    }
    const canRetry = [0, 404, 429].includes(error.status) || error.status >= 500;
    const message = error instanceof ApiError ? error.message : "Something went wrong on this page.";
    turn.failed(
      `${message}${wait} If you feel very unwell or it cannot wait, call 911.`,
      canRetry
        ? () => {
            if (this.#running) return;
            const again = this.#turn({ question, live: true });
            turn.element.replaceWith(again.element);
            again.title.focus();
            this.#answer(again, question, key);
          }
        : null,
    );
  }

  /** A stored answer, all at once. */
  #fill(turn, answer) {
    turn.answer.triage(answer.triage ?? { urgency: "routine" });
    turn.answer.finish(answer);
    this.#noteLimits(turn);
  }

  /** What each cited article says about its own review; the citations do not carry it. */
  async #noteLimits(turn) {
    const articles = await Promise.all(
      turn.answer.articles().map(({ slug, revision }) => this.#article(slug, revision).catch(() => null)),
    );
    turn.answer.articleNotes(
      articles.filter((article) => article?.status_note).map(({ title, status_note: note }) => ({ title, note })),
    );
  }

  /** A published revision never changes, so each is fetched once. */
  #article(slug, revision) {
    const key = `${slug}@${revision}`;
    if (!this.#articles.has(key)) {
      const loading = this.#api.article(slug, revision);
      this.#articles.set(key, loading);
      loading.catch(() => this.#articles.delete(key));
    }
    return this.#articles.get(key);
  }

  #turn(options) {
    return new TurnView({
      ...options,
      modelRuns: this.#modelRuns,
      onOpen: (citation) => openSource(citation, (slug, revision) => this.#article(slug, revision)),
    });
  }

  #addTurn(options) {
    const turn = this.#turn(options);
    this.#turns.append(turn.element);
    byId("examples").hidden = true;
    byId("question-label").textContent = "Your next question";
    return turn;
  }

  #clear() {
    this.#running?.abort();
    this.#running = null;
    this.#id = null;
    this.#turns.replaceChildren();
    this.#say("");
    byId("examples").hidden = false;
    byId("question-label").textContent = "Your question";
    this.#showActions();
  }

  #showActions() {
    byId("conversation-actions").hidden = this.#id === null;
  }

  async #listPast() {
    let past = [];
    try {
      past = (await this.#api.conversations()).conversations ?? [];
    } catch (error) {
      if (error.status === 401) this.#onSignedOut();
    }
    past = past.filter((conversation) => conversation.turns > 0 && conversation.id !== this.#id);
    showPast(past, { onOpen: (id) => this.#open(id), onDelete: (id) => this.#delete(id) });
  }

  async #open(id) {
    let stored;
    try {
      stored = await this.#api.conversation(id);
    } catch (error) {
      if (error.status === 401) this.#onSignedOut();
      else this.#say("The conversation could not be opened. Please try again.");
      return;
    }
    this.#clear();
    this.#id = id;
    this.#showActions();
    for (const { id: message, question, answer, created_at: createdAt } of stored.turns ?? []) {
      const turn = this.#addTurn({ question, createdAt });
      this.#fill(turn, answer);
      turn.showFeedback((helpful, comment) => this.#api.feedback(message, helpful, comment));
    }
    byId("conversation-title").focus({ preventScroll: true });
    bringIntoView(byId("conversation-title"));
    await this.#listPast();
  }

  async #delete(id) {
    if (!id || !(await confirmed())) return;
    // The answer still running belongs to what is being deleted.
    if (id === this.#id) this.#running?.abort();
    try {
      await this.#api.deleteConversation(id);
    } catch (error) {
      if (error.status === 401) {
        this.#onSignedOut();
        return;
      }
      // 404: it is gone already, which is what was asked for.
      if (error.status !== 404) {
        this.#say("The conversation could not be deleted. Please try again.");
        return;
      }
    }
    if (id === this.#id) this.#clear();
    await this.#listPast();
    byId("conversation-title").focus();
    announce("The conversation was deleted.");
  }
}

/** An explanation of a result or a condition as an answer: what was computed from the chart, then the guidance's blocks. */
function asAnswer({ result, blocks = [] }) {
  const sentences = [...(result?.sentences ?? [])];
  const all = [];
  const urgency = result?.urgency ?? "routine";
  // The server puts what to do about a critical value last; it is to be read first.
  if (urgency === "emergency" || urgency === "urgent") all.push({ kind: "notice", text: sentences.pop() });
  const chart = result ? [result.reference] : [];
  all.push(...sentences.map((text) => ({ kind: "fact", text, chart })));
  all.push(...(result?.panel?.sentences ?? []).map((text) => ({ kind: "fact", text, chart: result.panel.references })));
  all.push(...blocks);
  return { triage: { urgency }, blocks: all.map((block, index) => ({ ...block, index })) };
}

/** Asks before deleting; resolves to whether the patient agreed. */
function confirmed() {
  const dialog = byId("confirm");
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const yes = answer("yes");
    const no = answer("no");
    byId("confirm-yes").addEventListener("click", yes);
    byId("confirm-no").addEventListener("click", no);
    dialog.addEventListener(
      "close",
      () => {
        byId("confirm-yes").removeEventListener("click", yes);
        byId("confirm-no").removeEventListener("click", no);
        resolve(dialog.returnValue === "yes");
      },
      { once: true },
    );
    dialog.returnValue = "";
    dialog.showModal();
  });
}

/** A random name for one question. `randomUUID` exists only on https and localhost; a portal on plain http in-house has not. */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
