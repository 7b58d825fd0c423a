// The same without a browser: npm run order
import { Platform, Refused, type Spec } from "./platform.ts";

const { API = "http://127.0.0.1:8000", TOKEN = "", MODEL = "kling-v1-6" } = process.env;
const spec: Spec = { model: MODEL, seconds: 5, inputs: { prompt: "a red kite over the sea" } };
const platform = new Platform(API, TOKEN);

try {
  await platform.checkIn();
  console.log(`balance ${await platform.balance()}`);
  const quote = await platform.quote(spec);
  console.log(`quote ${quote.credits}`);
  const job = await platform.submit(spec, quote, crypto.randomUUID());
  for await (const { event, data } of platform.events(job)) {
    if (event === "status") console.log(`status ${data.status}`);
    if (event === "progress") console.log(`progress ${data.progress}`);
    if (event === "settlement") console.log(`settlement ${data.credits.captured}`);
  }
  const done = await platform.job(job.id);
  console.log(`video ${done.outputs[0]?.url ?? done.error?.detail}`);
  console.log(`balance ${await platform.balance()}`);
} catch (problem) {
  if (!(problem instanceof Refused)) throw problem;
  console.error(`refused ${problem.code}: ${problem.message}`);
  process.exitCode = 1;
}
