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

/**
 * Refuses with FORBIDDEN unless the actor's key was given one of the scopes. Whoever may write something may read it:
 * a mutation answers what it wrote.
 */
export function requireScope(actor: Actor, ...anyOf: readonly Scope[]): void {
  const given = (scope: Scope) => actor.scopes.includes(scope) || actor.scopes.includes(writing(scope));
  if (!anyOf.some(given)) {
    throw new Refusal('FORBIDDEN', `This key lacks the scope ${anyOf.join(' or ')}.`);
  }
}

const WRITING: Readonly<Partial<Record<Scope, Scope>>> = {
  'orders:read': 'orders:write',
  'invoices:read': 'invoices:write',
};

function writing(scope: Scope): Scope {
  return WRITING[scope] ?? scope;
}
