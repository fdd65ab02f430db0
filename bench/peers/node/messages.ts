/** Where the small servers keep messages: one INSERT each, committed before anybody hears of it. */
import { openSql } from '#src/storage/postgres/sql.js';

/** Concurrent INSERTs, each on a connection of its own; their commits share fsyncs. */
const connections = 20;

export interface Messages {
  insert(message: { readonly room: string; readonly author: string; readonly body: string }): Promise<void>;
}

const table = `
  create table if not exists messages (
    id bigint generated always as identity primary key,
    room text not null,
    author text not null,
    body text not null,
    at timestamptz not null default now()
  )`;

export async function openMessages(url: string): Promise<Messages> {
  const sql = openSql(url, { max: connections });
  await sql.unsafe(table);
  await sql.unsafe('create index if not exists messages_room on messages (room, id)');
  return {
    async insert({ room, author, body }) {
      await sql`insert into messages (room, author, body) values (${room}, ${author}, ${body})`;
    },
  };
}
