// A platform's first steps by the generated client of TypeScript; what they came to, as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./contract.d.ts";

const { API = "", TOKEN = "" } = process.env;
const client = createClient<paths>({ baseUrl: API, headers: { Authorization: `Bearer ${TOKEN}` } });
const spec: components["schemas"]["SpecInRequest"] = {
  model: "vivid-1",
  seconds: 5,
  inputs: { prompt: "a red kite over the sea" },
};

function told<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

function order(seconds: number, quote: string | null) {
  return client.POST("/v1/jobs", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { ...spec, seconds, quote },
  });
}

const gift = told(await client.POST("/v1/check-in"));
const quote = told(await client.POST("/v1/quotes", { body: spec }));
let job = told(await order(5, quote.id));
const ends = new Set<components["schemas"]["JobOut"]["status"]>(["succeeded", "failed", "canceled"]);
while (!ends.has(job.status)) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  job = told(await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: job.id } } }));
}
const balance = told(await client.GET("/v1/balance"));

const entries: string[] = [];
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = cursor === undefined ? { limit: 1 } : { limit: 1, cursor };
  const page = told(await client.GET("/v1/ledger", { params: { query } }));
  entries.push(...page.data.map((entry) => entry.type));
  cursor = page.next;
}

const { error, response } = await order(60, null);
if (!error) throw new Error("sixty seconds cost more than there is");
// The code decides which shape the problem has; another one would be no code of this operation.
const short = error.code === "insufficient_credits" ? { status: error.status, said: error.detail } : null;

console.log(
  JSON.stringify({
    gift: gift.credits,
    quote: quote.credits,
    status: job.status,
    captured: job.credits.captured,
    available: balance.available,
    entries,
    refused: [response.status, error.code, short?.status],
  }),
);
