/** One Postgres for a whole test run, started when the first test file asks for it. */
import { serveAnswers } from './broker.js';
import { brokerVariable, type Cluster, openCluster } from './postgres.js';

export default async function setup(): Promise<() => Promise<void>> {
  let cluster: Promise<Cluster> | undefined;
  const close = await serveAnswers(brokerVariable, {
    postgres: async () => {
      cluster = openCluster();
      return (await cluster).url;
    },
  });
  return async () => {
    close();
    const opened = await cluster?.catch(() => undefined);
    await opened?.stop();
  };
}
