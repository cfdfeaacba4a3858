// What one request may ask for at most. Each limit is checked before anything of the request runs.
//
// 1. The parser stops at the first token too many, so all that comes later works on a small document.
// 2. Shape (depth, aliases, directives) is measured once a document: each fragment once, however often it is spread.
// 3. Cost is measured once a request, because variables say how long the pages are.

import {
  getOperationAST,
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  type ASTVisitor,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';
import { MAX_ITEMS } from '../domain/place-order.ts';

export const LIMITS = {
  /** The introspection of a code generator has 200, every field of an invoice and its orders about as many. */
  tokens: 1_000,
  /** An invoice's orders' items' blockers are 8 deep on a page of a list. Introspection has a limit of its own. */
  depth: 10,
  /** The same field many times in one request, which a limit on requests would count once. */
  aliases: 15,
  /** There are @include and @skip; more than a few of them are made by no program in earnest. */
  directives: 5,
  /** Records that a request may touch: a page of 100 invoices with all that belongs to each is about 5,000. */
  cost: 10_000,
  /** Entries of any one list in the variables; lists in the document itself are held by the limit on tokens. */
  listEntries: MAX_ITEMS,
  /** Beyond this nobody waits for an answer, and connections that wait are connections that others lack. */
  queryMs: 10_000,
  /** A burst of changes waits its turn rather than fail: as long as a transaction may take. */
  mutationMs: 60_000,
  /** Streams of one key at one server, and of all keys: each is a connection that stays. */
  streamsPerKey: 100,
  streams: 1_000,
  /** Then a stream is cut off, and its client connects again. */
  streamMs: 300_000,
} as const;

export const INTROSPECTION_FIELDS: ReadonlySet<string> = new Set(['__schema', '__type']);

export function tooMuch(message: string, details: object = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http: { status: 400 }, ...details } });
}

/** What is said of a document with too many tokens, whose error comes from the parser; null for every other error. */
export function tokenFault(error: unknown): GraphQLError | null {
  const isTokenLimit =
    error instanceof GraphQLError && /document contains more tha[nt] \d+ tokens/i.test(error.message);
  return isTokenLimit ? tooMuch(`The document has more than ${LIMITS.tokens} tokens, the most that is taken.`) : null;
}

interface Shape {
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
}

const UNITS = { depth: 'levels', aliases: 'aliases', directives: 'directives' } as const;
const FLAT: Shape = { depth: 0, aliases: 0, directives: 0 };

/** A validation rule. A fragment cycle ends here as it does in the rule that refuses it: where it closes. */
export function limitShape(context: ValidationContext): ASTVisitor {
  const fragments = new Map<string, Shape>();

  const fragmentShape = (name: string): Shape => {
    const known = fragments.get(name);
    if (known) return known;
    fragments.set(name, FLAT);
    const fragment = context.getFragment(name);
    const shape = fragment ? shapeOf(fragment) : FLAT;
    fragments.set(name, shape);
    return shape;
  };

  const shapeOf = (
    node: OperationDefinitionNode | FragmentDefinitionNode | SelectionSetNode['selections'][number],
  ): Shape => {
    const { depth, aliases, directives }: Shape =
      node.kind === Kind.FRAGMENT_SPREAD
        ? fragmentShape(node.name.value)
        : (node.selectionSet?.selections ?? []).map(shapeOf).reduce(
            (sum, one) => ({
              depth: Math.max(sum.depth, one.depth),
              aliases: sum.aliases + one.aliases,
              directives: sum.directives + one.directives,
            }),
            FLAT,
          );
    const isField = node.kind === Kind.FIELD;
    const isIntrospection = isField && INTROSPECTION_FIELDS.has(node.name.value);
    return {
      // graphql-js itself refuses introspection that goes round in circles.
      depth: isIntrospection ? 1 : depth + Number(isField),
      aliases: aliases + Number(isField && node.alias !== undefined),
      directives: directives + (node.directives?.length ?? 0),
    };
  };

  return {
    OperationDefinition: (operation) => {
      const shape = shapeOf(operation);
      for (const [what, found] of Object.entries(shape) as [keyof Shape, number][]) {
        if (found > LIMITS[what]) {
          context.reportError(tooMuch(`The operation has ${found} ${UNITS[what]}; the limit is ${LIMITS[what]}.`));
        }
      }
    },
  };
}

/** True unless the request can only read. Not to be asked of every request: it reads the document once more. */
export function mayChange(method: string, body: unknown): boolean {
  if (method === 'GET') return false;
  const { query, operationName } = (body ?? {}) as Readonly<Record<string, unknown>>;
  try {
    const document = parse(String(query), { maxTokens: LIMITS.tokens });
    return (
      getOperationAST(document, typeof operationName === 'string' ? operationName : null)?.operation !==
      OperationTypeNode.QUERY
    );
  } catch {
    // Asked for by its hash alone.
    return true;
  }
}
