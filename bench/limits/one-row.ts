/**
 * One row of the log and the claim of its batch, committed by one exchange: as the engine's writer does it, a simple
 * query with a COPY, or as a prepared statement, which is parsed and planned only once.
 */
import type { Client } from 'pg';
import { BinaryCopy } from '#src/storage/postgres/binary-copy.js';
import { logColumns, writeRow } from '#src/storage/postgres/log-rows.js';
import { writeUuid } from '#src/uuid-bytes.js';
import { type LogEvent, logEvents } from '#src/wire/events.js';

type Row = LogEvent<'message.new'>;

const shard = 0;
const statement = 'one_row';
/** Microseconds from the Unix epoch to that of Postgres. */
const epochMicroseconds = BigInt(Date.UTC(2000, 0, 1)) * 1000n;

/** The shard's row, which claims move, and the statement. */
export async function prepareOneRow(client: Client): Promise<void> {
  await client.query('insert into writers (shard, epoch) values ($1, 1)', [shard]);
  await client.query('set plan_cache_mode = force_generic_plan');
  await client.query(
    `prepare ${statement} (bigint, uuid, uuid, uuid, bigint, bigint, timestamptz, smallint, text) as
     with claim as (
       update writers set batch = $1, backend_pid = pg_backend_pid()
       where shard = ${shard} and epoch = 1 and batch = $1 - 1 returning shard)
     insert into conversation_log (batch, id, conversation, actor, seq, number, at, kind, body)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9 from claim`,
  );
}

export class OneRow {
  private readonly copier = new BinaryCopy();
  private readonly bytes = Buffer.alloc(64 * 1024);
  private readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
  private at = 0;

  /** The bytes are lent until the next call. */
  copy(row: Row, batch: number): Uint8Array {
    this.copier.begin(
      `select nubo_claim(${shard},1,${batch});copy conversation_log(${logColumns}) from stdin (format binary)`,
    );
    this.copier.beginRows();
    writeRow(this.copier, row, { shard, batch });
    this.copier.endRows();
    const { bytes, release } = this.copier.take();
    release();
    return bytes;
  }

  /** Bind, Execute, Sync, with parameters in binary. The bytes are lent until the next call. */
  insert(row: Row, batch: number): Uint8Array {
    const { bytes, view } = this;
    bytes[0] = 0x42; // B
    // An unnamed portal, the statement, one format for all parameters (binary), their number.
    this.at = 6 + bytes.write(`${statement}\0`, 6, 'latin1');
    for (const value of [1, 1, 9]) this.int16(value);
    this.int64(BigInt(batch));
    for (const id of [row.id, row.conv, row.from]) this.uuid(id);
    this.int64(BigInt(row.seq));
    this.int64(BigInt(row.number));
    this.int64(BigInt(row.at) * 1000n - epochMicroseconds);
    view.setInt32(this.at, 2);
    view.setInt16(this.at + 4, logEvents[row.ev].code);
    this.at += 6;
    const written = bytes.write(row.text, this.at + 4);
    view.setInt32(this.at, written);
    this.at += 4 + written;
    // No format for results: there are none.
    this.int16(0);
    view.setInt32(1, this.at - 1);
    this.at += executeAndSync.copy(bytes, this.at);
    return bytes.subarray(0, this.at);
  }

  private int16(value: number): void {
    this.view.setInt16(this.at, value);
    this.at += 2;
  }

  private uuid(text: string): void {
    this.view.setInt32(this.at, 16);
    writeUuid(this.bytes, this.at + 4, text);
    this.at += 20;
  }

  private int64(value: bigint): void {
    this.view.setInt32(this.at, 8);
    this.view.setBigInt64(this.at + 4, value);
    this.at += 12;
  }
}

/** E with the unnamed portal and no limit of rows, then S. */
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);
