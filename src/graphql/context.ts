// What every resolver is given: the product, on whose behalf, and the look-ups of this one request.

import type { App } from '../app.ts';
import type { Actor } from '../domain/access.ts';
import { createLoaders, type Loaders } from './loaders.ts';

export interface Context {
  readonly app: App;
  readonly actor: Actor;
  readonly loaders: Loaders;
  /** Makes the address under which a signed PDF token opens. */
  readonly pdfUrl: (token: string) => string;
}

export function createContext(app: App, actor: Actor, pdfUrl: Context['pdfUrl']): Context {
  return { app, actor, loaders: createLoaders(app, actor), pdfUrl };
}
