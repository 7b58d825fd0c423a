// Server-sent events by fetch: unlike an EventSource it sends the token as a header.
// An EventSource does as well, with the job's `events_url`: see docs/events.md.

export type JobEvent =
  | { event: "status"; data: { id: string; status: string } }
  | { event: "progress"; data: { id: string; progress: number } }
  | { event: "settlement"; data: { id: string; credits: { captured: string; released: string } } };

const PAUSE_MILLISECONDS = 1000;

/**
 * Yield what happens to a job, until its settlement.
 *
 * A stream ends now and then: after fifteen minutes, or when the service is renewed. Then it is
 * opened again, and `Last-Event-ID` says what was heard, so that nothing is told twice.
 */
export async function* follow(url: string, token: string): AsyncGenerator<JobEvent> {
  let heard = "";
  for (;;) {
    const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
    if (heard) headers["Last-Event-ID"] = heard;
    const answer = await fetch(url, { headers });
    if (answer.status === 204) return; // all was heard
    if (answer.status === 429 || answer.status === 503) {
      await pause(Number(answer.headers.get("Retry-After") ?? "1") * 1000);
      continue;
    }
    if (!answer.ok || !answer.body) throw new Error(`no events: ${answer.status}`);
    for await (const block of blocks(answer.body)) {
      const said = read(block);
      heard = said.id || heard;
      if (!said.event) continue; // a comment, so that nobody hangs up
      const event = { event: said.event, data: JSON.parse(said.data) } as JobEvent;
      yield event;
      if (event.event === "settlement") return;
    }
    await pause(PAUSE_MILLISECONDS);
  }
}

/** Yield the text between two empty lines, each as it arrives. */
async function* blocks(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const whole = (rest + part.value).split("\n\n");
    rest = whole.pop() ?? "";
    yield* whole;
  }
}

function read(block: string): { id: string; event: string; data: string } {
  const said = { id: "", event: "", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    const name = line.slice(0, at);
    if (name === "id" || name === "event" || name === "data") said[name] += line.slice(at + 2);
  }
  return said;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
