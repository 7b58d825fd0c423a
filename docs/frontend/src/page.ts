// One page: what it costs, how it goes, what is left.
import { Platform, Refused, type Quote, type Spec } from "./platform.ts";

// Your own page has the person's token from your own server; here it stands behind the `#`.
const platform = new Platform("", location.hash.slice(1));
let quoted: { spec: Spec; quote: Quote } | undefined;

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found as T;
}

function show(id: string, text: string): void {
  element(id).textContent = text;
}

function wished(): Spec {
  return {
    model: element<HTMLInputElement>("model").value,
    seconds: Number(element<HTMLInputElement>("seconds").value),
    inputs: { prompt: element<HTMLTextAreaElement>("prompt").value },
  };
}

async function quote(): Promise<void> {
  const spec = wished();
  const told = await platform.quote(spec);
  quoted = { spec, quote: told };
  show("price", `${told.credits} credits`);
  show("trouble", told.reasons.map((reason) => reason.detail).join(" "));
  element<HTMLButtonElement>("order").disabled = !told.admissible;
}

async function order(): Promise<void> {
  if (!quoted) return;
  const { spec, quote: agreed } = quoted;
  quoted = undefined; // a quote is good for one order
  element<HTMLButtonElement>("order").disabled = true;
  const job = await platform.submit(spec, agreed, crypto.randomUUID());
  show("balance", await platform.balance()); // the price is held
  for await (const { event, data } of platform.events(job)) {
    if (event === "status") show("status", data.status);
    if (event === "progress") element<HTMLProgressElement>("progress").value = data.progress;
    if (event === "settlement") show("cost", `${data.credits.captured} credits`);
  }
  const [film] = (await platform.job(job.id)).outputs;
  if (film?.url) element<HTMLVideoElement>("film").src = film.url;
  show("balance", await platform.balance());
}

/** Do something, and say in words what stands in its way. */
async function attempt(deed: () => Promise<void>): Promise<void> {
  show("trouble", "");
  try {
    await deed();
  } catch (problem) {
    show("trouble", problem instanceof Refused ? problem.message : String(problem));
  }
}

element("quote").addEventListener("click", () => attempt(quote));
element("order").addEventListener("click", () => attempt(order));
await attempt(async () => {
  await platform.checkIn();
  show("balance", await platform.balance());
});
