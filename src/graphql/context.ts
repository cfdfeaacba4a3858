// What every resolver is given: the product, on whose behalf, and the look-ups of this one request.

import type { App, Watcher } from '../app.ts';
import type { Actor } from '../domain/access.ts';
import { createLoaders, type Loaders } from './loaders.ts';

/** Makes the addresses under which signed tokens open. */
export interface Urls {
  readonly pdfUrl: (token: string) => string;
  readonly paymentUrl: (token: string) => string;
}

export interface Context {
  readonly app: App;
  readonly actor: Actor;
  readonly loaders: Loaders;
  readonly urls: Urls;
  /** Who waits for the events of a subscription; null where there are none. */
  readonly watcher: Watcher | null;
}

export function createContext(app: App, actor: Actor, urls: Urls, watcher: Watcher | null = null): Context {
  return { app, actor, loaders: createLoaders(app, actor), urls, watcher };
}
