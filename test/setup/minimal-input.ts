// An operation of the schema as a document with the least that its arguments must have, made from the schema itself, so
// that a new operation joins by itself.

import {
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';

export interface Operation {
  readonly name: string;
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

const SAMPLES: Readonly<Record<string, unknown>> = {
  String: 'x',
  Int: 1,
  Boolean: true,
  Money: 100,
  Quantity: 1,
  Decimal: '21',
  DateTime: '2026-01-01T00:00:00Z',
  Date: '2026-01-01',
};

/** Arguments that may be left out are, unless `alsoGive` names them. */
export function operationsOf(schema: GraphQLSchema, alsoGive: readonly string[] = []): readonly Operation[] {
  const kinds = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return kinds.flatMap(([kind, type]) =>
    Object.values(type?.getFields() ?? {}).map((field) => operationOf(kind, field, alsoGive)),
  );
}

function operationOf(
  kind: 'query' | 'mutation' | 'subscription',
  field: GraphQLField<unknown, unknown>,
  alsoGive: readonly string[],
): Operation {
  const given = field.args.filter(({ name, type }) => isNonNullType(type) || alsoGive.includes(name));
  const declared = given.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = given.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
  const head = declared === '' ? kind : `${kind}(${declared})`;
  return {
    name: field.name,
    document: `${head} { ${field.name}${passed === '' ? '' : `(${passed})`}${selection} }`,
    variables: Object.fromEntries(given.map(({ name, type }) => [name, sampleOf(type)])),
  };
}

/** The least that an input of this type must have. */
export function sampleOf(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return sampleOf(type.ofType);
  if (isListType(type)) return [sampleOf(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (!isInputObjectType(type)) return SAMPLES[type.name];
  const fields = Object.values(type.getFields()).filter((field) => isNonNullType(field.type));
  return Object.fromEntries(fields.map((field) => [field.name, sampleOf(field.type)]));
}
