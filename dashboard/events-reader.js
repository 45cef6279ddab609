/** @typedef {{ readonly id: string, readonly type: string, readonly data: string }} Message */

/**
 * Cuts a text stream into server-sent events (HTML standard, "9.2.6 Interpreting an event stream").
 * @returns {(chunk: string) => Message[]} to be fed one chunk after the other
 */
export function createEventReader() {
  let rest = "";
  let id = "";
  let told = "";
  let type = "";
  /** @type {string[]} */
  let data = [];
  return (chunk) => {
    /** @type {Message[]} */
    const messages = [];
    // A CR at the very end may be half of a CRLF.
    const text = rest + chunk;
    const end = text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, end).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + text.slice(end);
    for (const line of lines) {
      if (line === "") {
        // An id alone is no event, but says from where to go on.
        if (data.length > 0 || id !== told) messages.push({ id, type: type || "message", data: data.join("\n") });
        told = id;
        type = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") data.push(value);
      else if (field === "event") type = value;
      else if (field === "id") id = value;
    }
    return messages;
  };
}
