// Whose rows a call of a store may reach. The store says it for the time of the call; the pool obeys (merchant-pool.ts).
//
// 1. What nobody said reaches nothing: a query that runs outside any call sees no merchant at all.
// 2. Calls that run at the same time do not hear each other: what was said travels along the call, not in a variable.

import { AsyncLocalStorage } from 'node:async_hooks';
import { storable } from './prisma-records.ts';

export const EVERY_MERCHANT = Symbol('every merchant');
/** The id of no merchant. */
export const NOBODY = '';

/** A merchant's id, or every merchant's rows. */
export type Reach = string | typeof EVERY_MERCHANT;

const reaches = new AsyncLocalStorage<Reach>();

export function currentReach(): Reach {
  return reaches.getStore() ?? NOBODY;
}

/** Runs `work` with the rows of one merchant, or of all, in its reach. */
export function reaching<T>(reach: Reach, work: () => PromiseLike<T>): Promise<T> {
  // Prisma's promises do nothing before they are awaited: that has to happen in here.
  return reaches.run(typeof reach === 'string' ? storable(reach) : reach, async () => await work());
}

type OfMerchant = string | { readonly merchantId: string };
// Any method is assignable to this one.
type Method = (...parameters: never[]) => PromiseLike<unknown>;
/** A store whose methods, but for those that go across merchants, name the merchant first. */
type NamingMerchants<Store, Across extends keyof Store> = {
  readonly [Name in Exclude<keyof Store, Across>]: Store[Name] extends (...parameters: infer P) => unknown
    ? P extends readonly [OfMerchant, ...unknown[]]
      ? unknown
      : never
    : never;
};

/** The store with each method reaching the merchant that its first argument names; those of `across` reach all. */
export function behindWall<Store extends object, Across extends keyof Store & string = never>(
  store: Store & NamingMerchants<Store, Across>,
  across: readonly Across[] = [],
): Store {
  const goesAcross = new Set<string>(across);
  const walled = Object.entries<Method>(store as Readonly<Record<string, Method>>).map(([name, method]) => [
    name,
    (...parameters: never[]) =>
      reaching(goesAcross.has(name) ? EVERY_MERCHANT : merchantOf(parameters[0]), () => method(...parameters)),
  ]);
  return Object.fromEntries(walled) as Store;
}

function merchantOf(first: OfMerchant | undefined): string {
  return typeof first === 'string' ? first : (first?.merchantId ?? NOBODY);
}
