/** The store of files that the configuration names. */
import { join } from 'node:path';
import { createDiskStore } from './disk-store.js';
import { createS3Store } from './s3-store.js';
import type { MediaStore } from './store.js';

/** The folder in the data folder. */
const folderName = 'attachments';

export interface StoreSettings {
  /** The data folder. */
  readonly data: string;
  readonly s3Endpoint?: string;
  readonly s3Bucket: string;
  readonly s3Region: string;
  readonly s3AccessKey?: string;
  readonly s3SecretKey?: string;
}

export function openStore(settings: StoreSettings): MediaStore {
  const { data, s3Endpoint: endpoint, s3Bucket: bucket, s3Region: region } = settings;
  const { s3AccessKey: accessKey, s3SecretKey: secretKey } = settings;
  if (endpoint === undefined || accessKey === undefined || secretKey === undefined)
    return createDiskStore(join(data, folderName));
  return createS3Store({ endpoint, bucket, region, accessKey, secretKey });
}
