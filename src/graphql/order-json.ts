// Orders as JSON, read by the very rules of the GraphQL input: the same scalars, defaults and required fields.

import { coerceInputValue, isInputObjectType } from 'graphql';
import { badInput, type Fault } from '../domain/errors.ts';
import type { PlaceOrderInput } from '../domain/place-order.ts';
import type { PlaceOrderInput as PlaceOrderFields } from '../generated/graphql.ts';
import { camelCased, toCamelCase } from './field-names.ts';
import { createSchema } from './schema.ts';

const LONGEST_MESSAGE = 200;

const inputType = createSchema().getType('PlaceOrderInput');

/** Takes parsed JSON in the shape of `PlaceOrderInput`. Throws BAD_USER_INPUT with every fault of its shape. */
export function readOrderJson(json: unknown): PlaceOrderInput {
  if (!isInputObjectType(inputType)) throw new TypeError('schema.graphql has no PlaceOrderInput.');
  if (json === null || typeof json !== 'object')
    throw badInput([{ path: ['order'], message: 'must be a JSON object' }]);
  const faults: Fault[] = [];
  const fields = coerceInputValue(json, inputType, (path, _, error) => {
    faults.push({
      // A field that is missing is a fault of what it is missing from.
      path: path.length === 0 ? ['order'] : path.map((part) => (typeof part === 'string' ? toCamelCase(part) : part)),
      // graphql-js quotes the value, however long it is.
      message: `is not right: ${error.message.slice(0, LONGEST_MESSAGE).replace(/\.$/, '')}`,
    });
  }) as PlaceOrderFields;
  if (faults.length > 0) throw badInput(faults);
  return camelCased(fields);
}
