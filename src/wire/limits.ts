/**
 * Bounds of the wire, unit last, the reason beside each. `hello` tells the client those it needs.
 */
export const wireLimits = {
  /** One WebSocket frame, either way in; larger ones never reach a decoder. */
  frameBytesMax: 64 * 1024,
  /** Nesting of containers in a frame. Our own messages need 5. */
  frameDepthMax: 8,
  /** Items (array) or pairs (map) in one container. */
  containerItemsMax: 256,
  /** Operations in one frame. */
  frameOperationsMax: 256,
  /** Text of a message, as UTF-8. Far under the frame so that the frame's other fields fit. */
  textBytesMax: 32 * 1024,
  /** `metadata` of a message, as JSON. */
  metadataBytesMax: 8 * 1024,
  /** What links of a message lead to (`metadata.links`). */
  linksMax: 5,
  /** The longest that browsers and servers take everywhere. */
  linkUrlCharsMax: 2048,
  linkTitleCharsMax: 300,
  linkDescriptionCharsMax: 1000,
  /** Members named when a conversation is created; more are added afterwards. */
  createMembersMax: 200,
  titleCharsMax: 200,
  descriptionCharsMax: 2000,
  avatarBytesMax: 2000,
  nicknameCharsMax: 64,
  /** Why somebody was banned or muted. */
  reasonCharsMax: 500,
  /** One reaction: the longest emoji sequences take 35 bytes. */
  emojiBytesMax: 64,
  /** Different reactions of one message; those there are can always be joined. */
  messageEmojisMax: 32,
  /** Pinned messages of one conversation. */
  pinsMax: 50,
  mentionsMax: 50,
  /** Reports by one user. */
  reportsPerHour: 20,
  reportTextCharsMax: 2000,
  /** Users whom one user has blocked. */
  blocksMax: 10_000,
  attachmentsMax: 10,
  /** Slow mode: six hours, as elsewhere. */
  slowMsMax: 6 * 60 * 60 * 1000,
  /** The largest limit of members that may be set. */
  membersMax: 1_000_000,
  /** Items of one page of a list: conversations, members, who reacted, users. */
  listItemsMax: 100,
  /** What a page says where the next one begins; ours have about 100. */
  cursorBytesMax: 1024,
  /** What is searched for: longer questions are nobody's words. */
  searchCharsMax: 256,
  /** Words and operators of one search, as the database counts them. */
  searchNodesMax: 32,
  /** Messages in one answer to `search`. */
  searchFoundMax: 50,
  /** Events in one answer to `history`. */
  historyEventsMax: 100,
  /** Conversations in one answer to `sync`. */
  syncConversationsMax: 200,
  /** Invitations of one conversation that may still be accepted. */
  invitesMax: 100,
  /** Conversations of a user that `subscribe.all` follows; of more, those that were active last. */
  followedConversationsMax: 10_000,
  /** What a server gave as a cursor: some 30 for each shard. */
  cursorCharsMax: 4096,
  /** Events a `subscribe` with `have` is answered with; beyond it the answer is `gap` and the client pulls. */
  backlogEventsMax: 500,
  /** Operations of one socket that wait for their answer; beyond it `overloaded`. */
  socketRequestsMax: 1024,
  /** Topics of one socket. */
  socketTopicsMax: 10_000,
  /** A socket that has not authenticated by then is closed (W6). */
  authenticateMs: 10_000,
  /** The client should send something at least this often; uWS closes after twice this. */
  heartbeatMs: 30_000,
  /** Ephemeral events older than this are dropped (W13). */
  ephemeralMs: 1_000,
  /** A `typing.start` counts for so long unless it is said again (E7). */
  typingMs: 6_000,
  /** Of those who type in a conversation so many are told by name. */
  typingNamesMax: 3,
  /** Users that one socket watches (E3). */
  watchedUsersMax: 256,
  /** How far back and ahead the time in an operation's id may be (L4). */
  idPastMs: 24 * 60 * 60 * 1000,
  idFutureMs: 5 * 60 * 1000,
} as const;
