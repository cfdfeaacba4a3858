// Every text that a caller can send, found in the schema itself, so that a new field joins by itself.

import {
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { sampleOf } from './minimal-input.ts';

type Path = readonly (string | number)[];
type Variables = Readonly<Record<string, unknown>>;

export interface TextField {
  /** As in `placeOrder.input.customer.name`. */
  readonly label: string;
  readonly operation: string;
  readonly isMutation: boolean;
  /** Its own name, by which a refusal names it. */
  readonly name: string;
  /** The operation with this argument and those in `variables`, and every text of its answer. */
  readonly documentWith: (variables: Variables) => string;
  /** The variables with a text in this field. */
  readonly put: (text: string, variables: Variables) => Variables;
}

export function textFieldsOf(schema: GraphQLSchema): readonly TextField[] {
  return [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}).flatMap((operation) =>
      operation.args.flatMap(({ name, type: argument }) =>
        pathsIn(argument, [name]).map((path) => textField(operation, path, type === schema.getMutationType())),
      ),
    ),
  );
}

function textField(operation: GraphQLField<unknown, unknown>, path: Path, isMutation: boolean): TextField {
  const names = path.filter((part) => typeof part === 'string');
  return {
    label: [operation.name, ...names].join('.'),
    operation: operation.name,
    isMutation,
    name: names.at(-1) ?? '',
    documentWith: (variables) => {
      const given = operation.args.filter(({ name }) => name in variables);
      const declared = given.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
      const passed = given.map(({ name }) => `${name}: $${name}`).join(', ');
      const kind = isMutation ? 'mutation' : 'query';
      return `${kind}(${declared}) { ${operation.name}(${passed}) ${textsOf(operation.type, 4)} }`;
    },
    put: (text, variables) => {
      const [first = '', ...rest] = path;
      const type = operation.args.find(({ name }) => name === first)?.type;
      if (!type) throw new RangeError(`${operation.name} has no argument ${first}.`);
      return { ...variables, [first]: replaced(type, variables[first], rest, text) };
    },
  };
}

/** Where texts stand in an input; of a list, in its first entry. */
function pathsIn(type: GraphQLInputType, path: Path): readonly Path[] {
  if (isNonNullType(type)) return pathsIn(type.ofType, path);
  if (isListType(type)) return pathsIn(type.ofType, [...path, 0]);
  if (!isInputObjectType(type)) return type.name === 'String' ? [path] : [];
  return Object.values(type.getFields()).flatMap((field) => pathsIn(field.type, [...path, field.name]));
}

function replaced(type: GraphQLInputType, value: unknown, path: Path, text: string): unknown {
  if (isNonNullType(type)) return replaced(type.ofType, value, path, text);
  const [part, ...rest] = path;
  if (part === undefined) return text;
  if (isListType(type)) {
    const [first, ...others] = (value ?? []) as unknown[];
    return [replaced(type.ofType, first, rest, text), ...others];
  }
  if (!isInputObjectType(type)) throw new RangeError(`${String(type)} holds no ${part}.`);
  const entries = (value ?? sampleOf(type)) as Readonly<Record<string, unknown>>;
  const field = type.getFields()[part];
  if (!field) throw new RangeError(`${type.name} has no field ${part}.`);
  return { ...entries, [part]: replaced(field.type, entries[part], rest, text) };
}

/** A selection of every text in an answer, so many levels deep; lists of records are not followed beyond the first two. */
function textsOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (!isObjectType(named)) return '';
  const fields = Object.values(named.getFields()).flatMap((field) => {
    const below = getNamedType(field.type);
    if (isObjectType(below)) {
      const selection = depth > 1 ? textsOf(below, depth - 1) : '';
      return selection === '' ? [] : `${field.name} ${selection}`;
    }
    return below.name === 'String' ? field.name : [];
  });
  return fields.length === 0 ? '{ __typename }' : `{ ${fields.join(' ')} }`;
}

/** Every text in an answer. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : [];
}
