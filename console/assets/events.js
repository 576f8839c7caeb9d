// Live changes: server-sent events, read by fetch so that a token can go with the request. Where the API has none, nothing happens.
import { address, call, headersFor, scopes } from "./api.js";
import { sleep } from "./dom.js";

/** Calls `heard({ type, data })` for each change and `live(true)` while the line is open. */
export async function listen(heard, live) {
  // Asked first, for a route that is not there would be an error in the browser's console.
  const { body } = await call("GET", "/openapi.json").catch(() => ({ body: {} }));
  if (!body.paths?.["/events"]) return;
  let last = null;
  for (let pause = 1000; ; pause = Math.min(pause * 2, 30_000)) {
    // Changes are for administrators; others are not let in, and need not ask.
    if (scopes()?.includes("users:admin") === false) return;
    try {
      const headers = headersFor({ accept: "text/event-stream", ...(last ? { "last-event-id": last } : {}) });
      const answer = await fetch(address("/events"), { headers, cache: "no-store" });
      if (!answer.ok && answer.status < 500) return;
      if (answer.ok && answer.headers.get("content-type")?.startsWith("text/event-stream")) {
        live(true);
        pause = 1000;
        for await (const event of read(answer.body)) {
          last = event.id ?? last;
          if (event.type.startsWith("user.")) heard({ type: event.type, data: JSON.parse(event.data).data });
        }
      }
    } catch {
      // The line broke; it is tried again.
    }
    live(false);
    await sleep(pause);
  }
}

async function* read(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { id: null, type: "message", data: "" };
      for (const line of block.split("\n")) {
        const [, name, text] = line.match(/^([a-z]+): ?(.*)$/) ?? [];
        if (name === "id") event.id = text;
        else if (name === "event") event.type = text;
        else if (name === "data") event.data += text;
      }
      if (event.data) yield event;
    }
  }
}
