// rotateWebhookSecret: a new secret; the one before signs beside it until consumers know the new one.

import type { Actor } from '../domain/access.ts';
import { droppedSecrets, rotatedSecret } from '../domain/webhook-endpoint.ts';
import type { Ports } from '../ports.ts';
import { changeWebhookEndpoint } from './change-webhook-endpoint.ts';
import { newSecret, type EndpointWithSecret } from './create-webhook-endpoint.ts';

export interface RotateWebhookSecretInput {
  readonly endpointId: string;
  /** Now, or earlier, ends it at once. */
  readonly formerSecretExpiresAt?: Date | null | undefined;
}

/** Throws NOT_FOUND or BAD_USER_INPUT. */
export async function rotateWebhookSecret(
  ports: Ports,
  actor: Actor,
  { endpointId, formerSecretExpiresAt }: RotateWebhookSecretInput,
): Promise<EndpointWithSecret> {
  return changeWebhookEndpoint(ports, actor, endpointId, async (endpoint, transaction, now) => {
    const rotated = rotatedSecret(endpoint, newSecret(ports), formerSecretExpiresAt, now);
    await transaction.saveWebhookEndpoint(rotated);
    await transaction.forgetSecrets(droppedSecrets(endpoint, rotated));
    return { endpoint: rotated, secret: rotated.secret };
  });
}
