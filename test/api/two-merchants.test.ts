// Merchants never meet: every operation, with what belongs to another merchant at every place of its arguments, answers as
// if there were no such thing, and changes nothing of the other; with both walls, and with each of them alone.

import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectPrisma } from '../../src/adapters/prisma-database.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { asSuperuser } from '../setup/database.ts';
import { addFurnishedMerchant, rowsOf } from '../setup/furnished-merchant.ts';
import { startTestProduct, type TestProduct, type TestProductOptions } from '../setup/product.ts';
import { fuzzedOperations, type FuzzedOperation, type Place } from '../setup/schema-fuzz.ts';
import { statementsOf, type Statement } from '../setup/statements.ts';
import { withoutFilter } from '../setup/without-filter.ts';

const OWN = 'amark-';
const FOREIGN = 'bmark-';
/** Belongs to nobody, and is as long. */
const MISSING = 'zmark-';

const TELLS = 'tells of the other merchant';

/** The application's filter alone: a superuser passes every policy. */
const WITHOUT_WALL: TestProductOptions = { connect: async (url) => connectPrisma(asSuperuser(url), null) };

const operations = fuzzedOperations(createSchema());
// Last, because they make records under ids that the other calls look for.
const MAKING = ['invoiceItems', 'invoiceOrder', 'createInvoice', 'placeOrder'];

/** What other merchants' records are called, as it comes after the mark. */
const NAMES = [
  '',
  ...`open due failed online returned credit customer open-1 due-1 returned-1 contra sku-1 auth-online 2026-000001 2026-000002`.split(
    /\s+/,
  ),
];
/** Nothing is ever looked up by these: a few values do. Every other text takes all. */
const WORDS = new Set(
  `street postal_code city region country organisation currency locale name email vat_number registration_number
   vat_rate vat_reason comment memo method reference url description`.split(/\s+/),
);

const SAMPLES: Readonly<Record<string, unknown>> = {
  currency: 'EUR',
  country: 'NL',
  url: 'https://hooks.example.com/',
  vat_rate: '21',
  Quantity: 1,
  Money: 100,
  Decimal: '21',
  DateTime: '2026-01-01T00:00:00Z',
  Date: '2026-01-01',
  Int: 5,
  Boolean: true,
};

/** What stands at a place when a call is about one order and what hangs on it; null where no record is named. */
function namedAt(mark: string, order: string, { owner, name }: Pick<Place, 'owner' | 'name'>): string | null {
  const isOfInvoice = /^invoice|^Invoice(Filter|Id)/.test(owner);
  const singular = name.replace(/s$/, '');
  switch (singular) {
    case 'sku':
      return `${mark}sku-1`;
    case 'order_number':
      return `${mark}${order}`.toUpperCase();
    case 'number':
      return isOfInvoice ? `${mark}2026-000001` : `${mark}${order}`.toUpperCase();
    case 'customer_id':
      return `${mark}customer`;
    case 'order_id':
    case 'invoice_id':
      return `${mark}${order}`;
    case 'endpoint_id':
      return `${mark}endpoint`;
    case 'delivery_id':
      return `${mark}delivery`;
    case 'order_item_id':
    case 'contra_item_id':
    case 'item':
      return `${mark}${order}-1`;
    case 'id':
      if (/customer/i.test(owner)) return `${mark}customer`;
      return /Item\w*Input$/.test(owner) ? `${mark}${order}-1` : `${mark}${order}`;
    default:
      return null;
  }
}

const sampleOf = (owner: string, name: string): unknown =>
  SAMPLES[name] ?? SAMPLES[owner] ?? namedAt(OWN, owner.includes('Invoice') ? 'due' : 'open', { owner, name }) ?? 'x';

interface Call {
  readonly operation: FuzzedOperation;
  readonly what: string;
  /** The variables with one mark in the place of another merchant's. */
  readonly variables: (mark: string) => object;
}

type Assignment = readonly (readonly [Place, (mark: string) => unknown])[];

function callOf(operation: FuzzedOperation, assignment: Assignment): Call {
  return {
    operation,
    what: assignment.map(([{ path }, valueAt]) => `${path}=${String(valueAt(FOREIGN))}`).join(' '),
    variables: (mark) =>
      operation.variables(new Map(assignment.map(([{ path }, valueAt]) => [path, valueAt(mark)])), sampleOf),
  };
}

/**
 * `cursors` gives cursors of the other merchant's pages with a mark in place of its own. Beside
 * the calls that say nothing but what they must, one of so many is made.
 */
function callsOf(operation: FuzzedOperation, cursors: (mark: string) => readonly string[], oneOf = 1): readonly Call[] {
  const texts = operation.places.filter(({ choices }) => choices === null);
  const alone = texts.flatMap((place) => {
    const names = WORDS.has(place.name) ? ['open'] : NAMES;
    const values = names.flatMap((name) => [
      (mark: string) => `${mark}${name}`,
      ...(/number/.test(place.name) ? [(mark: string) => `${mark}${name}`.toUpperCase()] : []),
    ]);
    const positions = /^(after|before)$/.test(place.name)
      ? cursors(FOREIGN).map((_, index) => (mark: string) => cursors(mark)[index])
      : [];
    return [...values, ...positions].map((value) => callOf(operation, [[place, value]]));
  });
  const orders = ['open', 'due', 'failed', 'online', 'returned'];
  const named = texts.filter((place) => namedAt(FOREIGN, 'open', place) !== null);
  const whole = [...orders, 'same'].map((order) =>
    callOf(
      operation,
      named
        .filter(({ isRequired }) => isRequired)
        .map((place) => [place, (mark) => namedAt(order === 'same' ? '' : mark, order, place)]),
    ),
  );
  // Two at a time: both foreign, or one of them one's own; and each foreign one under every choice.
  const pairs = named.flatMap((first, index) =>
    named.slice(index + 1).flatMap((second) =>
      (
        [
          [true, true],
          [true, false],
          [false, true],
        ] as const
      ).map(([isFirstForeign, isSecondForeign]) =>
        callOf(operation, [
          [first, (mark) => namedAt(isFirstForeign ? mark : OWN, 'due', first)],
          [second, (mark) => namedAt(isSecondForeign ? mark : OWN, 'due', second)],
        ]),
      ),
    ),
  );
  const chosen = operation.places.flatMap((place) =>
    (place.choices ?? []).flatMap((choice) =>
      named.flatMap((foreign) =>
        ['open', 'online'].map((order) =>
          callOf(operation, [
            [foreign, (mark) => namedAt(mark, order, foreign)],
            [place, () => choice],
          ]),
        ),
      ),
    ),
  );
  return [...whole, ...[...alone, ...pairs, ...chosen].filter((_, index) => index % oneOf === 0)];
}

/** An answer without what differs between any two merchants: made-up ids, times, signatures, references. */
function comparable(answer: unknown): string {
  return JSON.stringify(answer)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\/(pdf|pay)\/[\w.-]+/g, '/$1/<token>')
    .replaceAll(/whsec_[\w+/=]+/g, 'whsec_<secret>')
    .replaceAll(/_[0-9a-f]{32}\b/g, '_<reference>')
    .replaceAll(/"(sha256|hash|cursor|startCursor|endCursor)":"[^"]*"/g, '"$1":"<value>"')
    .replaceAll(new RegExp(FOREIGN, 'gi'), MISSING)
    .replaceAll(new RegExp(MISSING, 'gi'), MISSING);
}

interface Stage {
  readonly billhead: TestProduct;
  readonly database: pg.Client;
  /** Of two merchants alike, so that what one is asked can be asked of the other, in the same state, about nothing. */
  readonly key: string;
  readonly twinKey: string;
  readonly cursors: (mark: string) => readonly string[];
}

async function setStage(options: TestProductOptions): Promise<Stage> {
  const billhead = await startTestProduct(options);
  const database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  onTestFinished(async () => {
    await database.end();
    await billhead.close();
  });
  const key = await addFurnishedMerchant(billhead, 'a', OWN);
  const twinKey = await addFurnishedMerchant(billhead, 't', OWN);
  const foreignKey = await addFurnishedMerchant(billhead, 'b', FOREIGN);
  const found: string[] = [];
  for (const list of ['orders', 'invoices']) {
    for (const sort of ['', 'sort: { field: NUMBER }', 'sort: { field: TOTAL, direction: ASC }']) {
      const query = `{ ${list}(first: 3 ${sort}) { pageInfo { startCursor endCursor } } }`;
      const { pageInfo } = (await billhead.ask(query, {}, foreignKey))[list];
      found.push(pageInfo.startCursor, pageInfo.endCursor);
    }
  }
  const remarked = (cursor: string, mark: string) =>
    Buffer.from(Buffer.from(cursor, 'base64url').toString().replaceAll(FOREIGN, mark)).toString('base64url');
  return { billhead, database, key, twinKey, cursors: (mark) => found.map((cursor) => remarked(cursor, mark)) };
}

/** Makes every call with the other merchant's records and with none; what is wrong with the answers, in words. */
async function fuzz({ billhead, key, twinKey, cursors }: Stage, only: readonly FuzzedOperation[], oneOf = 1) {
  const inOrder = [...only].sort((one, other) => MAKING.indexOf(one.name) - MAKING.indexOf(other.name));
  const faults: string[] = [];
  const touched = new Set<string>();
  let count = 0;
  for (const call of inOrder.flatMap((operation) => callsOf(operation, cursors, oneOf))) {
    const ask = async (mark: string, apiKey: string) => {
      let answer: Awaited<ReturnType<TestProduct['graphql']>> = { data: null };
      const statements = await statementsOf(async () => {
        answer = await billhead.graphql(call.operation.document, call.variables(mark), apiKey);
      });
      return { answer, statements: kindsOf(statements) };
    };
    const foreign = await ask(FOREIGN, key);
    const missing = await ask(MISSING, twinKey);
    count += 1;
    const fault = faultOf(foreign, missing);
    if (fault !== null) faults.push(`${call.operation.name} ${call.what}: ${fault}`);
    if (foreign.statements.length > 1) touched.add(call.operation.name);
  }
  return { faults, touched, count };
}

/**
 * The statements, each once and whatever the number of ids in it: which look-ups of a request become one statement is a matter
 * of which answer of the database comes first.
 */
function kindsOf(statements: readonly Statement[]): readonly string[] {
  const kinds = statements.map(({ text }) =>
    text
      .replaceAll(/\$\d+/g, '$')
      .replaceAll(/\bIN \(\$(?:,\s*\$)*\)/g, '= $')
      .replaceAll(/LIMIT \$ OFFSET \$|OFFSET \$/g, ''),
  );
  return [...new Set(kinds)].toSorted();
}

type Asked = { readonly answer: unknown; readonly statements: readonly string[] };

function faultOf(foreign: Asked, missing: Asked): string | null {
  const text = JSON.stringify(foreign.answer);
  if (/INTERNAL_SERVER_ERROR|GRAPHQL_VALIDATION_FAILED|BAD_REQUEST/.test(text)) return text.slice(0, 400);
  if (text.toLowerCase().includes(`${FOREIGN}secret`)) return `${TELLS}: ${text.slice(0, 400)}`;
  const [one, other] = [comparable(foreign.answer), comparable(missing.answer)];
  if (one !== other) return `answers unlike for a missing one:\n  ${differing(one, other)}\n  ${differing(other, one)}`;
  const unlike = foreign.statements.filter((statement) => !missing.statements.includes(statement));
  const lacking = missing.statements.filter((statement) => !foreign.statements.includes(statement));
  if (unlike.length + lacking.length > 0) {
    return `asks the database otherwise than for a missing one: ${JSON.stringify([unlike, lacking])}`;
  }
  return null;
}

function differing(text: string, other: string): string {
  const start = [...text].findIndex((character, index) => character !== other[index]);
  return text.slice(Math.max(0, start - 80), start + 160);
}

test('the fuzz covers every operation and every text of their arguments', () => {
  const all = operations.flatMap((operation) =>
    callsOf(operation, (mark) => [mark]).map(({ what }) => `${operation.name} ${what}`),
  );
  for (const { name, places } of operations) {
    for (const { path, choices } of places) {
      if (choices === null) expect(all.some((what) => what.startsWith(`${name} ${path}=${FOREIGN}`))).toBe(true);
    }
  }
  expect(operations.length).toBeGreaterThan(24);
  expect(operations.flatMap(({ places }) => places).length).toBeGreaterThan(80);
});

describe('nothing of another merchant is returned or changed, and its ids are like missing ones', () => {
  test.each([
    ['with both walls', {}, false, 2],
    // Some of the calls must do, for the time that they take.
    ['with the application’s filter alone', WITHOUT_WALL, false, 5],
    ['with row-level security alone', {}, true, 5],
  ])(
    '%s',
    async (_, options, isFilterOff, oneOf) => {
      const stage = await setStage(options);
      const before = await rowsOf(stage.database, 'b');
      let outcome = { faults: ['not run'], touched: new Set<string>(), count: 0 };
      const run = async () => {
        outcome = await fuzz(stage, operations, oneOf);
      };
      if (isFilterOff) expect(await withoutFilter(run)).toBeGreaterThan(200);
      else await run();
      expect(outcome.faults).toEqual([]);
      expect(await rowsOf(stage.database, 'b')).toEqual(before);
      // Each got as far as the database, beyond the look-up of the key.
      expect([...outcome.touched].toSorted()).toEqual(operations.map(({ name }) => name).toSorted());
    },
    300_000,
  );

  test('and with neither wall the fuzz would tell', async () => {
    const stage = await setStage(WITHOUT_WALL);
    const before = await rowsOf(stage.database, 'b');
    const telling = new Set<string>();
    await withoutFilter(async () => {
      const { faults } = await fuzz(
        stage,
        operations.filter(({ name }) => !MAKING.includes(name)),
        5,
      );
      for (const fault of faults.filter((text) => text.includes(TELLS))) telling.add(fault.split(' ')[0] ?? '');
    });
    expect(await rowsOf(stage.database, 'b')).not.toEqual(before);
    expect(telling.size).toBeGreaterThan(operations.length / 3);
  }, 300_000);
});
