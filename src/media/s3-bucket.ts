/** The requests to S3 that nubo makes, signed, by path (`endpoint/bucket/key`), which every compatible server knows. */
import { AwsClient } from 'aws4fetch';
import { type ByteRange, StoreAwayError, StoreFullError } from './store.js';

export interface S3Options {
  /** `https://…`, without the bucket. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface Part {
  /** From 1. */
  readonly number: number;
  readonly size: number;
  readonly tag: string;
}

/** With its back-off: some seconds, then the client is told to come back. */
const retriesMax = 3;
const requestMs = 60_000;

type Query = Readonly<Record<string, string>>;

interface Sent {
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Statuses beside success that are an answer. */
  readonly also?: readonly number[];
}

export class S3Bucket {
  private readonly client: AwsClient;
  private readonly address: string;

  constructor({ endpoint, bucket, region, accessKey, secretKey }: S3Options) {
    this.client = new AwsClient({
      ...{ accessKeyId: accessKey, secretAccessKey: secretKey, region, service: 's3' },
      retries: retriesMax,
    });
    this.address = `${endpoint.replace(/\/+$/, '')}/${bucket}`;
  }

  /** Bytes of an object, and what it was marked with; undefined: there is none. */
  async head(key: string): Promise<{ size: number; mark: string } | undefined> {
    const response = await this.send('HEAD', key, { also: [404] });
    if (response.status === 404) return undefined;
    const size = Number(response.headers.get('content-length'));
    return { size, mark: response.headers.get('x-amz-meta-mark') ?? '' };
  }

  async get(key: string, { from, to }: ByteRange): Promise<Response | undefined> {
    const response = await this.send('GET', key, {
      headers: { range: `bytes=${from}-${to - 1}` },
      also: [404],
    });
    if (response.status !== 404) return response;
    await response.body?.cancel();
    return undefined;
  }

  /** @param mark what `head` answers with */
  async put(key: string, body: Uint8Array, mark = ''): Promise<void> {
    await this.done('PUT', key, { body, ...(mark === '' ? {} : { headers: { 'x-amz-meta-mark': mark } }) });
  }

  async delete(key: string): Promise<void> {
    await this.done('DELETE', key, { also: [404] });
  }

  /** → its id */
  async begin(key: string): Promise<string> {
    const text = await this.done('POST', key, { query: { uploads: '' } });
    const id = textIn(text, 'UploadId');
    if (id === undefined) throw new StoreAwayError('S3 began an upload without an id');
    return id;
  }

  async putPart(key: string, upload: string, number: number, body: Uint8Array): Promise<void> {
    await this.done('PUT', key, { query: { partNumber: String(number), uploadId: upload }, body });
  }

  /** By rising number; undefined: there is no such upload (any more). */
  async parts(key: string, upload: string): Promise<Part[] | undefined> {
    const parts: Part[] = [];
    for (let marker = '0'; ; ) {
      const query = { uploadId: upload, 'part-number-marker': marker };
      const response = await this.send('GET', key, { query, also: [404] });
      const text = await response.text();
      if (response.status === 404) return undefined;
      for (const part of sectionsIn(text, 'Part')) {
        const number = Number(textIn(part, 'PartNumber'));
        parts.push({ number, size: Number(textIn(part, 'Size')), tag: textIn(part, 'ETag') ?? '' });
      }
      const next = textIn(text, 'NextPartNumberMarker');
      if (textIn(text, 'IsTruncated') !== 'true' || next === undefined || next === marker) break;
      marker = next;
    }
    return parts.sort((one, other) => one.number - other.number);
  }

  /** @returns false when there is no such upload (any more) */
  async complete(key: string, upload: string, parts: readonly Part[]): Promise<boolean> {
    const list = parts.map(
      ({ number, tag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${tag}</ETag></Part>`,
    );
    const body = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
    const response = await this.send('POST', key, { query: { uploadId: upload }, body, also: [404] });
    const text = await response.text();
    // The status is sent before the work is done: a failure may come in the body.
    if (/<Error>/.test(text) && response.status !== 404)
      throw new StoreAwayError(`S3 could not complete an upload: ${textIn(text, 'Code') ?? 'no reason'}`);
    return response.status !== 404;
  }

  /** Every unfinished upload of exactly this key. Servers that keep no such list have none. */
  async abortAll(key: string): Promise<void> {
    const query = { uploads: '', prefix: key };
    const response = await this.send('GET', '', { query, also: [400, 404, 405, 501] });
    const text = await response.text();
    for (const upload of sectionsIn(text, 'Upload')) {
      const id = textIn(upload, 'UploadId');
      if (id !== undefined && textIn(upload, 'Key') === key)
        await this.done('DELETE', key, { query: { uploadId: id }, also: [404] });
    }
  }

  private async done(method: string, key: string, sent: Sent): Promise<string> {
    return (await this.send(method, key, sent)).text();
  }

  private async send(
    method: string,
    key: string,
    { query = {}, headers, body, also = [] }: Sent,
  ): Promise<Response> {
    const url = new URL(key === '' ? this.address : `${this.address}/${key}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    let response: Response;
    try {
      response = await this.client.fetch(url.href, {
        method,
        signal: AbortSignal.timeout(requestMs),
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      throw new StoreAwayError(`S3 cannot be reached: ${reasonOf(error)}`);
    }
    if (response.ok || also.includes(response.status)) return response;
    const code = textIn(await response.text(), 'Code') ?? '';
    const text = `S3 answered ${method} with ${response.status} ${code}`.trim();
    if (response.status === 507 || /StorageFull|QuotaExceeded/.test(code)) throw new StoreFullError(text);
    throw new StoreAwayError(text);
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || (cause as { code?: string }).code || message : message;
}

/** What is between the first `<name>` and its end. The answers hold nothing of a user's, so no more is needed. */
function textIn(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return found
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

function sectionsIn(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map(([, inner = '']) => inner);
}
