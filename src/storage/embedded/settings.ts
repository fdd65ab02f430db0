/** How the embedded Postgres runs. Given at every start, so that an upgrade of nubo brings new ones along. */

const settings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // A socket's path may have 107 bytes, which a deep data folder exceeds.
  unix_socket_directories: '',
  max_connections: '60',
  // Promises (P1): what is acked is on the disk.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // The log is written once and read near its end: the system's page cache does the rest.
  shared_buffers: '128MB',
  wal_buffers: '16MB',
  // Fewer checkpoints, each followed by full pages in the write-ahead log.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // Short statements only: compiling them costs more than running them.
  jit: 'off',
  io_method: 'sync',
  // Errors are answered to nubo, which logs what matters; statements hold people's messages.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Arguments of the server, without its folder. */
export function serverArguments(port: number): string[] {
  return [
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}
