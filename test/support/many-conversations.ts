/** A person in very many conversations among very many more, made in the database at once. */
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';

/** The ticks of `shard` that these rows bear. */
const filledAt = 1;

export interface Crowd {
  readonly user: string;
  readonly shard: number;
}

/** `mine` conversations of the user and `others` of somebody else each, all with a head at the first tick. */
export async function makeCrowd(
  sql: Sql,
  { mine, others }: { mine: number; others: number },
): Promise<Crowd> {
  const user = uuidv7();
  const shard = 0;
  await sql`insert into sync_clocks (shard, tick) values (${shard}, ${filledAt}::bigint)`;
  // Ids by the time, as conversations have them, and those of the user all over them.
  await sql`
    insert into conversations (id, type, title, creator, created_at)
    select (lpad(to_hex(1795000000000 + i), 12, '0') || '7000800000000000' || lpad(to_hex(i), 4, '0'))::uuid,
      'group', 'Conversation ' || i, gen_random_uuid(), now()
    from generate_series(1, ${mine + others}::int) as i`;
  await sql`
    insert into conversation_heads (conversation, shard, last_batch, seq, number, preview, last_at, tick)
    select id, ${shard}::int, 1, 5, 4, 'What was said last, as long as such things are', now(), ${filledAt}::bigint
    from conversations`;
  await sql`
    insert into conversation_members (conversation, user_id, role, joined_seq, joined_at, tick)
    select id, creator, 'owner', 1, now(), ${filledAt}::bigint from conversations
    union all
    select id, ${user}::uuid, 'member', 1, now(), ${filledAt}::bigint
    from (select id from conversations order by md5(id::text) limit ${mine}::int) as chosen`;
  await sql.unsafe('analyze');
  return { user, shard };
}

/** The heads of so many conversations move, in a flush of their own: of the user's or of the others'. */
export async function moveHeads(
  sql: Sql,
  { user, shard }: Crowd,
  { mine, others }: { mine: number; others: number },
): Promise<void> {
  await sql.begin(async (transaction) => {
    const [row] = await transaction<Array<{ tick: string }>>`select nubo_tick(${shard}::int) as tick`;
    await transaction`
      update conversation_heads set seq = seq + 1, number = number + 1, tick = ${row?.tick ?? '0'}::bigint
      where conversation in (
        (select conversation from conversation_members where user_id = ${user} limit ${mine}::int)
        union all
        (select conversation from conversation_members where user_id <> ${user} and conversation not in (
          select conversation from conversation_members where user_id = ${user}) limit ${others}::int))`;
  });
}
