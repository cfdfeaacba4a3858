// What one request costs: how many records it may touch. It is checked against the limit, and charged to the key.

import type { GraphQLRequestContextDidResolveOperation } from '@apollo/server';
import {
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { App } from '../app.ts';
import type { Actor } from '../domain/access.ts';
import { DEFAULT_PAGE, MAX_PAGE } from '../domain/page.ts';
import type { Context } from './context.ts';
import { INTROSPECTION_FIELDS, LIMITS, tooMuch } from './limits.ts';

/** How many records a list is taken to have that is no page: lines of an invoice, orders on it, its payments. */
const LIST_COST = 5;
/** Counting a list reads all of it, through an index; so does counting numbers. Verifying reads up to 1,000 documents. */
const READING_COST: Readonly<Record<string, number>> = {
  total_count: 500,
  invoiceNumberReport: 500,
  verifyInvoices: 1_000,
};
/** All of the schema is 120 kB: nobody needs it more than three times in one answer. */
const INTROSPECTION_COST = 3_000;

/** Refuses operations that may touch too many records, or more than their key has left, and variables with lists that no rule of the product is made for. */
export async function limitCost({
  schema,
  document,
  operation,
  request: { variables = {} },
  contextValue: { app, actor },
}: GraphQLRequestContextDidResolveOperation<Context>): Promise<void> {
  if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
    throw new GraphQLError('Subscriptions are at /graphql/stream, as server-sent events.', {
      extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
    });
  }
  // Without an operation nothing will run, and that is told elsewhere.
  await chargeOperation(app, actor, { schema, document, operation: operation ?? null, variables });
}

interface ResolvedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Throws when the operation may touch too much, or more than its key has left. */
export async function chargeOperation(
  app: App,
  actor: Actor,
  { schema, document, operation, variables }: ResolvedOperation,
): Promise<void> {
  checkLists(variables, []);
  const cost = operation ? operationCost(schema, document, operation, variables) : 0;
  if (cost > LIMITS.cost) {
    throw tooMuch(
      `The operation may touch ${cost} records; the limit is ${LIMITS.cost}. Ask for shorter pages, or for less of each record.`,
    );
  }
  await app.chargeRequest(actor, cost);
}

/** Deeper than this no input of the schema goes, so what lies there is refused by its type. */
const DEEPEST_INPUT = 8;

function checkLists(value: unknown, path: readonly string[]): void {
  if (typeof value !== 'object' || value === null || path.length > DEEPEST_INPUT) return;
  if (Array.isArray(value) && value.length > LIMITS.listEntries) {
    // As the product's own rules tell a fault: by its path within the input, which is the variable.
    const fault = {
      path: path.length > 1 ? path.slice(1) : path,
      message: `has ${value.length} entries; a list has at most ${LIMITS.listEntries}`,
    };
    throw tooMuch(`${fault.path.join('.')} ${fault.message}.`, { faults: [fault] });
  }
  for (const [key, inner] of Object.entries(value)) checkLists(inner, [...path, key]);
}

/** How many records the answer may hold, as far as the request itself tells. */
function operationCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const known = new Map<string, number>();

  // `listSize` is how many records each list right below has: a page, when the parent is one.
  const costOf = ({ selections }: SelectionSetNode, parent: GraphQLObjectType, listSize: number): number => {
    let cost = 0;
    for (const node of selections) {
      if (node.kind === Kind.FIELD) cost += fieldCost(node, parent, listSize);
      else if (node.kind === Kind.INLINE_FRAGMENT) cost += costOf(node.selectionSet, parent, listSize);
      else cost += spreadCost(node.name.value, parent, listSize);
    }
    return cost;
  };

  const spreadCost = (name: string, parent: GraphQLObjectType, listSize: number): number => {
    const key = `${name} ${listSize}`;
    const fragment = fragments.get(name);
    const cost = known.get(key) ?? (fragment ? costOf(fragment.selectionSet, parent, listSize) : 0);
    known.set(key, cost);
    return cost;
  };

  const fieldCost = (node: FieldNode, parent: GraphQLObjectType, listSize: number): number => {
    const name = node.name.value;
    if (INTROSPECTION_FIELDS.has(name)) return INTROSPECTION_COST;
    const readingCost = READING_COST[name];
    if (readingCost !== undefined) return readingCost;
    const field = parent.getFields()[name];
    const type = field && getNamedType(field.type);
    if (!type || !isObjectType(type) || !node.selectionSet) return 0;
    const isPaged = field.args.some((argument) => argument.name === 'first');
    const size = isPaged ? pageSize(node, operation, variables) : LIST_COST;
    const count = isListType(getNullableType(field.type)) ? listSize : 1;
    return count * (1 + costOf(node.selectionSet, type, size));
  };

  const root = schema.getRootType(operation.operation);
  return root ? costOf(operation.selectionSet, root, LIST_COST) : 0;
}

/** A size that is out of bounds counts as the nearest one within: it has a refusal of its own. */
function pageSize(
  node: FieldNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): number {
  const sizes = (node.arguments ?? []).flatMap(({ name, value }) => {
    if (name.value !== 'first' && name.value !== 'last') return [];
    if (value.kind === Kind.INT) return [Number(value.value)];
    if (value.kind !== Kind.VARIABLE) return [];
    const variable = value.name.value;
    if (variable in variables) return [Number(variables[variable] ?? DEFAULT_PAGE)];
    const defined = operation.variableDefinitions?.find((definition) => definition.variable.name.value === variable);
    return defined?.defaultValue?.kind === Kind.INT ? [Number(defined.defaultValue.value)] : [];
  });
  const size = sizes.length > 0 ? Math.max(...sizes) : DEFAULT_PAGE;
  return Number.isNaN(size) ? DEFAULT_PAGE : Math.min(Math.max(size, 1), MAX_PAGE);
}
