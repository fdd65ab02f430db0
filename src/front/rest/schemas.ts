/** Shapes of REST alone. */
import { z } from 'zod';
import { uuid } from '../../wire/operations.js';

export const idParams = z.object({ id: uuid });

const at = z.number().int().meta({ description: 'Unix milliseconds' });

export const tokenPairSchema = z
  .object({
    user: z.string(),
    session: z.string(),
    accessToken: z.string(),
    accessExpiresAt: at,
    refreshToken: z.string().meta({ description: 'Works once; a second use ends the session.' }),
    refreshExpiresAt: at,
  })
  .meta({ id: 'TokenPair' });
