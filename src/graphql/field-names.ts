// Between the API's snake_case fields and the product's camelCase ones.

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The same value with the names of all its fields in camelCase. */
export type CamelCased<T> = T extends bigint | Date | string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Element)[]
    ? readonly CamelCased<Element>[]
    : { readonly [Key in keyof T as Key extends string ? CamelCase<Key> : Key]: CamelCased<T[Key]> };

const camelNames = new Map<string, string>();

export function toCamelCase(name: string): string {
  const known = camelNames.get(name);
  if (known !== undefined) return known;
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  camelNames.set(name, camel);
  return camel;
}

export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** An input of the API as the actions take it. */
export function camelCased<T>(input: T): CamelCased<T> {
  return rename(input) as CamelCased<T>;
}

function rename(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rename);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [toCamelCase(key), rename(inner)]));
}
