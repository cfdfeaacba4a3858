// Who may do what: an actor is a merchant's key with its scopes.

import { Refusal } from './errors.ts';

export type Scope =
  'orders:read' | 'orders:write' | 'invoices:read' | 'invoices:write' | 'payments:write' | 'webhooks:manage';

export const SCOPES: readonly Scope[] = [
  'orders:read',
  'orders:write',
  'invoices:read',
  'invoices:write',
  'payments:write',
  'webhooks:manage',
];

/** On whose behalf an action runs. Everything it reads and writes belongs to this merchant. */
export interface Actor {
  readonly merchantId: string;
  readonly scopes: readonly Scope[];
  /** The key that asks; none where the product itself does. */
  readonly keyId?: string;
}

/**
 * Refuses with FORBIDDEN unless the actor's key was given one of the scopes. Whoever may write something may read it:
 * a mutation answers what it wrote.
 */
export function requireScope(actor: Actor, ...anyOf: readonly Scope[]): void {
  if (!anyOf.some((scope) => holdsScope(actor, scope))) {
    throw new Refusal('FORBIDDEN', `This key lacks the scope ${anyOf.join(' or ')}.`);
  }
}

/** Whether it was given the scope, or one that writes the same. */
export function holdsScope({ scopes }: Pick<Actor, 'scopes'>, scope: Scope): boolean {
  return scopes.includes(scope) || WRITING[scope].some((one) => scopes.includes(one));
}

/** Payments are written on invoices, and held for orders. */
const WRITING: Readonly<Record<Scope, readonly Scope[]>> = {
  'orders:read': ['orders:write', 'payments:write'],
  'invoices:read': ['invoices:write', 'payments:write'],
  'orders:write': [],
  'invoices:write': [],
  'payments:write': [],
  'webhooks:manage': [],
};
