// The Chartlight API for a browser. Knows nothing of the page: copy this file and sse.js into a portal as they are.
//
//   const api = createApi();
//   api.useToken(token);
//   for await (const { event, data } of api.ask(conversationId, "What is an A1C test?", { key, signal })) …

import { readEvents } from "./sse.js";

/** Anything that went wrong, in words that can be shown. `problem` is the server's RFC 9457 object where it sent one. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter = null) {
    super(problem?.detail || problem?.title || "The server could not answer.");
    this.name = "ApiError";
    this.status = status;
    this.problem = problem ?? {};
    /** Seconds to wait before asking again, where the server named them. */
    this.retryAfter = retryAfter;
  }

  /** The connection failed or broke off; asking again with the same key is safe. */
  static connection() {
    return new ApiError(0, { title: "The connection was lost." });
  }
}

export function createApi(base = "") {
  // In memory only. Anything in localStorage or a readable cookie outlives the visit on a shared computer.
  let token = null;

  async function send(method, path, { body, headers = {}, signal } = {}) {
    const all = { Accept: "application/json", ...headers };
    if (token) all.Authorization = `Bearer ${token}`;
    if (body !== undefined) all["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(base + path, {
        method,
        headers: all,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
        // Health data must not be left in the browser's cache.
        cache: "no-store",
        credentials: "omit",
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw ApiError.connection();
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async function json(method, path, options) {
    const response = await send(method, path, options);
    return response.status === 204 ? null : response.json();
  }

  const id = encodeURIComponent;

  return {
    useToken(value) {
      token = value;
    },

    /** Development servers only; 404 elsewhere. */
    signInDemo: () => json("POST", "/v1/dev/sign-in", { body: { patient: "demo-patient" } }),

    me: () => json("GET", "/v1/me"),
    chart: () => json("GET", "/v1/me/chart"),
    nextSteps: () => json("GET", "/v1/me/next-steps"),
    preventiveCare: () => json("GET", "/v1/me/preventive-care"),
    explainResult: (result) => json("GET", `/v1/me/results/${id(result)}/explanation`),
    explainCondition: (condition) => json("GET", `/v1/me/conditions/${id(condition)}/explanation`),

    startConversation: () => json("POST", "/v1/conversations", { body: {} }),
    conversations: () => json("GET", "/v1/conversations"),
    conversation: (conversation) => json("GET", `/v1/conversations/${id(conversation)}`),
    deleteConversation: (conversation) => json("DELETE", `/v1/conversations/${id(conversation)}`),

    /**
     * Asks and yields the server's events as they come: triage, sources, block…, answer, done.
     * `key` names this question. Sent again with the same key, the server repeats the stored answer instead of making
     * a second one, so a retry after a lost connection needs no care.
     */
    async *ask(conversation, question, { key, signal } = {}) {
      const response = await send("POST", `/v1/conversations/${id(conversation)}/messages`, {
        body: { question },
        headers: { Accept: "text/event-stream", "Idempotency-Key": key },
        signal,
      });
      let finished = false;
      try {
        for await (const { event, data } of readEvents(response.body)) {
          const value = JSON.parse(data);
          if (event === "error") throw new ApiError(value.status ?? 500, value, value.retry_after ?? null);
          yield { event, data: value };
          if (event === "done") {
            finished = true;
            break;
          }
        }
      } catch (error) {
        if (error.name === "AbortError" || error instanceof ApiError) throw error;
        throw ApiError.connection();
      }
      if (!finished) throw ApiError.connection();
    },

    feedback: (message, helpful, comment = "") =>
      json("POST", `/v1/messages/${id(message)}/feedback`, { body: { helpful, comment } }),

    /** The revision that was cited, which may be older than today's article. */
    article: (slug, revision) => json("GET", `/v1/guidance/articles/${id(slug)}/revisions/${id(revision)}`),
    searchGuidance: (words) => json("GET", `/v1/guidance/search?q=${id(words)}`),
  };
}

async function problemOf(response) {
  let problem = null;
  // A proxy in between may answer with a page of HTML; that is no reason for a second error.
  if (/\bjson\b/.test(response.headers.get("Content-Type") ?? "")) {
    problem = await response.json().catch(() => null);
  }
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ApiError(response.status, problem, Number.isFinite(seconds) ? seconds : null);
}
