// Calls of every operation with a chosen value at every place where a text or a choice can stand, selecting everything that
// comes back; made from the schema itself, so that a new operation, argument or field joins by itself.

import {
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';

/** Levels of objects that are selected below an operation. */
const DEPTH = 4;

export interface Place {
  /** From the argument down, such as "input.items.0.id". */
  readonly path: string;
  /** The name of the argument or field. */
  readonly name: string;
  /** The type that it stands in; the operation where that is an argument. */
  readonly owner: string;
  readonly isRequired: boolean;
  /** The choices of an enumeration; null for a text. */
  readonly choices: readonly string[] | null;
}

export interface FuzzedOperation {
  readonly name: string;
  readonly isMutation: boolean;
  readonly places: readonly Place[];
  readonly document: string;
  /** What is required, and the values given for places; `sample` fills the other required texts. */
  variables(given: ReadonlyMap<string, unknown>, sample: (owner: string, name: string) => unknown): object;
}

export function fuzzedOperations(schema: GraphQLSchema): readonly FuzzedOperation[] {
  const fieldsOf = (type: ReturnType<GraphQLSchema['getQueryType']>) => Object.values(type?.getFields() ?? {});
  return [
    ...fieldsOf(schema.getQueryType()).map((field) => fuzzed(field, 'query')),
    ...fieldsOf(schema.getMutationType()).map((field) => fuzzed(field, 'mutation')),
    ...fieldsOf(schema.getSubscriptionType()).map((field) => fuzzed(field, 'subscription')),
  ];
}

function fuzzed(field: GraphQLField<unknown, unknown>, kind: 'query' | 'mutation' | 'subscription'): FuzzedOperation {
  const declared = field.args.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
  // Empty parentheses are no GraphQL.
  const inParentheses = (text: string) => (text === '' ? '' : `(${text})`);
  return {
    name: field.name,
    isMutation: kind === 'mutation',
    places: field.args.flatMap((argument) => placesOf(argument, field.name, '', true)),
    document: `${kind}${inParentheses(declared)} { ${field.name}${inParentheses(passed)} ${selectionOf(field.type)} }`,
    variables: (given, sample) => valuesOf(field.args, field.name, '', given, sample),
  };
}

type Part = GraphQLArgument | GraphQLInputField;

function placesOf({ name, type }: Part, owner: string, above: string, isAllRequired: boolean): readonly Place[] {
  const isRequired = isAllRequired && isNonNullType(type);
  const { inner, path } = unwrapped(type, `${above}${name}`);
  if (isInputObjectType(inner)) {
    const fields = Object.values(inner.getFields());
    return fields.flatMap((field) => placesOf(field, inner.name, `${path}.`, isRequired));
  }
  if (isEnumType(inner)) {
    return [{ path, name, owner, isRequired, choices: inner.getValues().map((value) => value.name) }];
  }
  return inner.name === 'String' ? [{ path, name, owner, isRequired, choices: null }] : [];
}

/** Lists have one entry. */
function unwrapped(type: GraphQLInputType, path: string): { readonly inner: NamedInput; readonly path: string } {
  if (isNonNullType(type)) return unwrapped(type.ofType, path);
  if (isListType(type)) return unwrapped(type.ofType, `${path}.0`);
  return { inner: type, path };
}

type NamedInput = Exclude<GraphQLInputType, { readonly ofType: unknown }>;
type Sample = (owner: string, name: string) => unknown;

function valuesOf(
  parts: readonly Part[],
  owner: string,
  above: string,
  given: ReadonlyMap<string, unknown>,
  sample: Sample,
): Record<string, unknown> {
  const isGiven = (path: string) => [...given.keys()].some((key) => key === path || key.startsWith(`${path}.`));
  return Object.fromEntries(
    parts
      .filter(({ name, type }) => isNonNullType(type) || isGiven(`${above}${name}`))
      .map(({ name, type }) => [name, valueOf(type, name, owner, `${above}${name}`, given, sample)]),
  );
}

function valueOf(
  type: GraphQLInputType,
  name: string,
  owner: string,
  path: string,
  given: ReadonlyMap<string, unknown>,
  sample: Sample,
): unknown {
  if (isNonNullType(type)) return valueOf(type.ofType, name, owner, path, given, sample);
  if (isListType(type)) return [valueOf(type.ofType, name, owner, `${path}.0`, given, sample)];
  if (given.has(path)) return given.get(path);
  if (isInputObjectType(type)) {
    return valuesOf(Object.values(type.getFields()), type.name, `${path}.`, given, sample);
  }
  if (isEnumType(type)) return type.getValues()[0]?.name;
  return type.name === 'String' ? sample(owner, name) : sample(type.name, name);
}

/** Every field; a type is not entered again below itself, and where it comes a second time without what hangs on it. */
function selectionOf(type: GraphQLOutputType): string {
  const entered = new Set<string>();
  const select = (output: GraphQLOutputType, above: readonly string[]): string => {
    const named = getNamedType(output);
    if (!isObjectType(named)) return '';
    const isKnown = entered.has(named.name);
    entered.add(named.name);
    const fields = Object.values(named.getFields()).flatMap((field) => {
      const inner = getNamedType(field.type);
      if (!isCompositeType(inner)) return [field.name];
      if (isKnown || above.length >= DEPTH || [...above, named.name].includes(inner.name)) return [];
      return [`${field.name} ${select(field.type, [...above, named.name])}`];
    });
    return `{ ${fields.length === 0 ? '__typename' : fields.join(' ')} }`;
  };
  return select(type, []);
}
