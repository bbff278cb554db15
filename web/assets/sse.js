// Reads server-sent events from a fetch response.
//
// The browser's own EventSource can neither POST nor send an Authorization header, and it silently asks again when a
// connection drops, which would put the same question twice. So the wire format is read here, in the few lines it takes.

/**
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{event: string, data: string}>}
 */
export async function* readEvents(body) {
  const reader = body.getReader();
  // One decoder for the whole stream: a letter such as "ñ" may be cut in two by the network.
  const decoder = new TextDecoder();
  let rest = "";
  let event = "message";
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      // The last piece may be half a line. At the end of the stream it is an event that was never finished: dropped,
      // as the standard asks.
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { event, data: data.join("\n") };
          event = "message";
          data = [];
        } else if (!line.startsWith(":")) {
          const colon = line.indexOf(":");
          const field = colon < 0 ? line : line.slice(0, colon);
          const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
          if (field === "event") event = text;
          if (field === "data") data.push(text);
        }
      }
      if (done) return;
    }
  } finally {
    // Also when the caller stops early: the server hears that nobody listens and stops the model.
    await reader.cancel().catch(() => {});
  }
}
