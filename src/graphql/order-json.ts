// Orders as JSON, read by the very rules of the GraphQL input: the same scalars, defaults and required fields.

import { coerceInputValue, isInputObjectType } from 'graphql';
import { badInput, type Fault } from '../domain/errors.ts';
import type { PlaceOrderInput } from '../domain/place-order.ts';
import type { PlaceOrderInput as PlaceOrderFields } from '../generated/graphql.ts';
import { camelCased, toCamelCase } from './field-names.ts';
import { createSchema } from './schema.ts';

const inputType = createSchema().getType('PlaceOrderInput');

/** Takes parsed JSON in the shape of `PlaceOrderInput`. Throws BAD_USER_INPUT with every fault of its shape. */
export function readOrderJson(json: unknown): PlaceOrderInput {
  if (!isInputObjectType(inputType)) throw new TypeError('schema.graphql has no PlaceOrderInput.');
  const faults: Fault[] = [];
  const fields = coerceInputValue(json, inputType, (path, _, error) => {
    faults.push({
      path: path.map((part) => (typeof part === 'string' ? toCamelCase(part) : part)),
      message: `is not right: ${error.message.replace(/\.$/, '')}`,
    });
  }) as PlaceOrderFields;
  if (faults.length > 0) throw badInput(faults);
  return camelCased(fields);
}
