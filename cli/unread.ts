/** A pipe whose reader has left, as `head` does when it has seen enough: nothing is wrong, and nobody is told. */

/** What a shell says of other programs then: 128 and the number of SIGPIPE, which Node ignores. */
const unreadCode = 141;

/**
 * Ends the process quietly when what it says is no longer read. `goesOn`: a server does not need its terminal.
 * To be called before anything is written.
 */
export function endWhenUnread({ goesOn }: { goesOn: boolean }): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (!goesOn) process.exit(unreadCode);
    });
  }
}
