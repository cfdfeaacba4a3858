// Who may do what: an actor is a merchant's key with its scopes.

import { Refusal } from './errors.ts';

export type Scope = 'orders:read' | 'orders:write' | 'invoices:read' | 'invoices:write' | 'payments:write';

export const SCOPES: readonly Scope[] = [
  'orders:read',
  'orders:write',
  'invoices:read',
  'invoices:write',
  'payments:write',
];

/** On whose behalf an action runs. Everything it reads and writes belongs to this merchant. */
export interface Actor {
  readonly merchantId: string;
  readonly scopes: readonly Scope[];
}

/** Refuses with FORBIDDEN unless the actor's key was given one of the scopes. */
export function requireScope(actor: Actor, ...anyOf: readonly Scope[]): void {
  if (!anyOf.some((scope) => actor.scopes.includes(scope))) {
    throw new Refusal('FORBIDDEN', `This key lacks the scope ${anyOf.join(' or ')}.`);
  }
}
