// cancelOrderItems: takes back units that were not shipped.

import type { Actor } from '../domain/access.ts';
import type { Ports } from '../ports.ts';
import { takeBackItems, type TakenBackItems, type TakeBackInput } from './take-back-items.ts';

/** Throws NOT_FOUND (the order), BAD_USER_INPUT with every fault, or CONFLICT when a chosen id is taken. */
export async function cancelOrderItems(ports: Ports, actor: Actor, input: TakeBackInput): Promise<TakenBackItems> {
  return takeBackItems(ports, actor, input, 'cancel');
}
