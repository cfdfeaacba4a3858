// returnOrderItems: takes back units that were shipped.

import type { Actor } from '../domain/access.ts';
import type { Ports } from '../ports.ts';
import { takeBackItems, type TakenBackItems, type TakeBackInput } from './take-back-items.ts';

/** Throws NOT_FOUND (the order), BAD_USER_INPUT with every fault, or CONFLICT when a chosen id is taken. */
export async function returnOrderItems(ports: Ports, actor: Actor, input: TakeBackInput): Promise<TakenBackItems> {
  return takeBackItems(ports, actor, input, 'return');
}
