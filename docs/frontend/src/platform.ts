// What a platform's frontend asks of Linggan: a price, a video, how it goes, what is left.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./contract.d.ts";
import { follow } from "./events.ts";

export type Quote = components["schemas"]["QuoteOut"];
export type Job = components["schemas"]["JobOut"];
export type Spec = components["schemas"]["SpecInRequest"];

/** A refusal: decide by `code`, show people `detail`. */
export class Refused extends Error {
  readonly code: string;

  constructor(problem: { code: string; detail: string }) {
    super(problem.detail);
    this.code = problem.code;
  }
}

export class Platform {
  readonly #base: string;
  readonly #token: string;
  readonly #client: Client<paths>;

  /** `token` is the one that your own server gave the person who is signed in. */
  constructor(base: string, token: string) {
    this.#base = base;
    this.#token = token;
    this.#client = createClient<paths>({
      baseUrl: base,
      headers: { Authorization: `Bearer ${token}` },
    });
  }

  /** Take today's free credits; the same again when they were taken already. */
  async checkIn(): Promise<string> {
    const { data, error } = await this.#client.POST("/v1/check-in", { params: { header: {} } });
    if (error) throw new Refused(error);
    return data.credits;
  }

  async balance(): Promise<string> {
    const { data, error } = await this.#client.GET("/v1/balance");
    if (error) throw new Refused(error);
    return data.available;
  }

  /** What an order costs, and all that stands in its way. Nothing is held for it. */
  async quote(spec: Spec): Promise<Quote> {
    const { data, error } = await this.#client.POST("/v1/quotes", { body: spec });
    if (error) throw new Refused(error);
    return data;
  }

  /**
   * Order what was quoted, for no more than the quote said.
   *
   * The key belongs to the click, not to the attempt: an answer that was lost on the way is asked
   * for again with the same key, and one video is made.
   */
  async submit(spec: Spec, quote: Quote, key: string): Promise<Job> {
    const { data, error } = await this.#client.POST("/v1/jobs", {
      params: { header: { "Idempotency-Key": key } },
      body: { ...spec, quote: quote.id },
    });
    if (error) throw new Refused(error);
    return data;
  }

  async job(id: string): Promise<Job> {
    const { data, error } = await this.#client.GET("/v1/jobs/{job_id}", {
      params: { path: { job_id: id } },
    });
    if (error) throw new Refused(error);
    return data;
  }

  /** Hear how a job goes, until it is settled. */
  events(job: Job): ReturnType<typeof follow> {
    return follow(`${this.#base}/v1/jobs/${job.id}/events`, this.#token);
  }
}
