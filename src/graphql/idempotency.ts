// The Idempotency-Key header: a mutation that is sent again is answered as it was, and takes effect once.

import { HeaderMap, type ApolloServerPlugin, type GraphQLRequestContextDidResolveOperation } from '@apollo/server';
import {
  Kind,
  OperationTypeNode,
  print,
  type DocumentNode,
  type FormattedExecutionResult,
  type OperationDefinitionNode,
} from 'graphql';
import { createHash } from 'node:crypto';
import type { KeyedAppRun } from '../app.ts';
import { badInput, Refusal } from '../domain/errors.ts';
import { isFinal, readIdempotencyKey } from '../domain/idempotency-key.ts';
import { createContext, type Context } from './context.ts';
import { toGraphQLError } from './errors.ts';

const HEADER = 'idempotency-key';
const REPLAYED_HEADER = 'idempotent-replayed';

type Requested = GraphQLRequestContextDidResolveOperation<Context>;

/** `admit` refuses requests for what they are, before anything of them is taken up: nothing is kept of such a one. */
export function idempotencyPlugin(admit: (requested: Requested) => Promise<void>): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => {
      let begun: string | KeyedAppRun | null = null;
      return {
        didResolveOperation: async (requested) => {
          try {
            await admit(requested);
            begun = await begin(requested);
          } catch (error) {
            throw error instanceof Refusal ? toGraphQLError(error) : error;
          }
        },
        responseForOperation: async () => {
          if (typeof begun !== 'string') return null;
          const headers = new HeaderMap([[REPLAYED_HEADER, 'true']]);
          return { http: { headers }, body: { kind: 'single', singleResult: JSON.parse(begun) as object } };
        },
        willSendResponse: async ({ response: { body } }) => {
          if (begun === null || typeof begun === 'string' || body.kind !== 'single') return;
          await end(begun, body.singleResult);
        },
      };
    },
  };
}

/** The answer of an earlier run, or a run of the request, which is given its own app; null without a key. */
async function begin(requested: Requested): Promise<string | KeyedAppRun | null> {
  const header = requested.request.http?.headers.get(HEADER);
  const { operation, contextValue: context } = requested;
  if (header === undefined || operation?.operation !== OperationTypeNode.MUTATION) return null;
  const key = readIdempotencyKey(header);
  const request = { operation: onlyField(operation), key, requestHash: hashOf(requested) };
  const begun = await context.app.answerOnce(context.actor, request);
  if (typeof begun !== 'string') Object.assign(context, createContext(begun.app, context.actor, context.urls));
  return begun;
}

/** What was done is done: that an answer cannot be kept is nobody's loss, for the next try finds out by itself. */
async function end(run: KeyedAppRun, { data, errors = [] }: FormattedExecutionResult): Promise<void> {
  const endRun = () => {
    // The variables did not fit.
    if (data === undefined) return run.forget();
    const isKept = errors.every(({ extensions }) => isFinal(extensions?.['code']));
    return isKept ? run.keep(JSON.stringify({ data, ...(errors.length > 0 && { errors }) })) : run.letGo();
  };
  await endRun().catch(() => undefined);
}

/** The one operation that the key is for. */
function onlyField({ selectionSet: { selections } }: OperationDefinitionNode): string {
  const [field] = selections;
  if (field?.kind === Kind.FIELD && selections.length === 1) return field.name.value;
  const message = 'stands for one operation: a request under it holds one field of Mutation, and no fragment around it';
  throw badInput([{ path: ['idempotencyKey'], message }]);
}

/** What tells this request from another one: what it asks for and with which variables, however they are laid out. */
function hashOf({ document, request, operationName }: Requested): string {
  const content = JSON.stringify([printed(document), operationName, sorted(request.variables ?? {})]);
  return createHash('sha256').update(content).digest('hex');
}

const printedDocuments = new WeakMap<DocumentNode, string>();

/** Documents are parsed once and come again. */
function printed(document: DocumentNode): string {
  const text = printedDocuments.get(document) ?? print(document);
  printedDocuments.set(document, text);
  return text;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, content]) => [name, sorted(content)]));
}
