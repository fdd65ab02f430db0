/** Names the process that knows which servers this run has. */
export const serversVariable = 'NUBO_TEST_SERVERS_BROKER';
