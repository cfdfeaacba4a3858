// Lists of invoices and orders: every filter, every sort in both directions, pages by cursor, and what is refused.

import { readFile } from 'node:fs/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyRow } from '../setup/copy-row.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { tamper } from '../setup/tampering.ts';
import { statementsOf } from '../setup/statements.ts';

let billhead: TestProduct;
let otherKey: string;
let database: Client;

const COUNT = 16;
const CUSTOMERS = [
  { id: 'ada', name: 'Ada King Lovelace', email: 'ada@analytical.example', locale: 'en' },
  { id: 'bob', name: 'Bob Ångström', email: 'office@bob.example', organisation: 'Ångström & Söhne GmbH', locale: 'en' },
  { id: 'eve', name: 'Eve', locale: 'en' },
];

// Every sort has ties: times come in fours, amounts in threes, due dates in fives.
beforeAll(async () => {
  billhead = await startTestProduct();
  otherKey = await billhead.addMerchant('other');
  database = new Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  for (let n = 1; n <= COUNT; n += 1) {
    const id = `o${String(n).padStart(2, '0')}`;
    const items = [item({ id: `${id}-1`, unit_price: 1000 * (1 + (n % 3)) })];
    const placed_at = `2026-01-0${1 + (n % 5)}T12:00:00Z`;
    await billhead.ask(PLACE_ORDER, { input: order(id, { items, customer: CUSTOMERS[n % 3]!, placed_at }) });
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id.replace('o', 'i') } });
  }
  for (const table of ['orders', 'invoices']) {
    await tamper(
      billhead.databaseUrl,
      `UPDATE ${table} SET
      created_at = '2026-02-01T00:00:00Z'::timestamptz + right(id, 2)::int / 4 * interval '1 day',
      updated_at = '2026-03-01T00:00:00Z'::timestamptz + right(id, 2)::int * 7 % 4 * interval '1 hour'`,
    );
  }
  await tamper(
    billhead.databaseUrl,
    `
    UPDATE invoices SET due_date = '2026-02-20'::date + right(id, 2)::int % 5, is_archived = id IN ('i03', 'i11'),
      state = CASE WHEN id IN ('i05', 'i06') THEN 'PAID' WHEN id = 'i07' THEN 'CANCELED' ELSE 'OPEN' END`,
  );
  await database.query(`UPDATE orders SET status = 'ON_HOLD' WHERE id IN ('o05', 'o06')`);
  const credit = { id: 'credit', number: 'C-1', sequence: 99, type: 'CREDIT_INVOICE', corrects_invoice_id: 'i01' };
  await copyRow(database, 'invoices', 'i01', credit);
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

type List = 'invoices' | 'orders';

const FIELDS = {
  invoices: 'id number created_at updated_at total due_date',
  orders: 'id number created_at updated_at total placed_at',
};
const TYPES = { invoices: 'Invoice', orders: 'Order' };

const queryOf = (list: List) => `query ($first: Int, $after: String, $last: Int, $before: String,
    $filter: ${TYPES[list]}Filter, $sort: ${TYPES[list]}Sort) {
  ${list}(first: $first, after: $after, last: $last, before: $before, filter: $filter, sort: $sort) {
    total_count nodes { ${FIELDS[list]} } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

const read = async (list: List, variables: object = {}, key?: string) =>
  (await billhead.ask(queryOf(list), variables, key))[list];
const idsOf = ({ nodes }: { nodes: { id: string }[] }) => nodes.map(({ id }) => id);
/** The ids under a filter, by id; the count must be theirs. */
const filtered = async (list: List, filter: object, key?: string) => {
  const answer = await read(list, { first: 100, filter }, key);
  expect(answer.total_count).toBe(answer.nodes.length);
  return idsOf(answer).sort();
};

const every = (letter: string, but: readonly number[] = []) =>
  Array.from({ length: COUNT }, (_, index) => index + 1)
    .filter((n) => !but.includes(n))
    .map((n) => `${letter}${String(n).padStart(2, '0')}`);
const some = (letter: string, numbers: readonly number[]) => every(letter).filter((_, n) => numbers.includes(n + 1));

describe('invoices are filtered by', () => {
  const all = ['credit', ...every('i', [3, 11])];

  test.each<[string, object, readonly string[]]>([
    ['nothing, but archived ones are hidden', {}, all],
    ['archived ones alone', { is_archived: true }, ['i03', 'i11']],
    ['archived or not', { is_archived: null }, ['credit', ...every('i')]],
    ['ids', { ids: ['i01', 'i02', 'i03', 'nobody'] }, ['i01', 'i02']],
    ['no id at all', { ids: [] }, []],
    ['an id that no database can hold', { ids: ['\u0000', 'i01\u0000'], is_archived: null }, []],
    ['order ids', { order_ids: ['o04', 'o05'] }, ['i04', 'i05']],
    ['order numbers', { order_numbers: ['O04', 'O05', 'o06'] }, ['i04', 'i05']],
    ['customer', { customer_id: 'eve' }, ['i02', 'i05', 'i08', 'i14']],
    ['a state', { states: ['PAID'] }, ['i05', 'i06']],
    ['states', { states: ['PAID', 'CANCELED'] }, ['i05', 'i06', 'i07']],
    ['no state at all', { states: [] }, []],
    ['the one type', { types: ['CREDIT_INVOICE'] }, ['credit']],
    ['the other type', { types: ['INVOICE'] }, every('i', [3, 11])],
    ['both types', { types: ['INVOICE', 'CREDIT_INVOICE'] }, all],
    ['no type at all', { types: [] }, []],
    [
      'time of issue: the first instant is inside, the last one outside',
      { created_from: '2026-02-02T00:00:00Z', created_to: '2026-02-03T00:00:00Z' },
      ['i04', 'i05', 'i06', 'i07'],
    ],
    ['one instant, which is none', { created_from: '2026-02-02T00:00:00Z', created_to: '2026-02-02T00:00:00Z' }, []],
    [
      'due date: both days are inside',
      { due_from: '2026-02-23', due_to: '2026-02-24' },
      ['i04', 'i08', 'i09', 'i13', 'i14'],
    ],
    ['one day', { due_from: '2026-02-24', due_to: '2026-02-24' }, ['i04', 'i09', 'i14']],
    ['several things at once', { customer_id: 'eve', states: ['PAID'], due_to: '2026-02-20' }, ['i05']],
    [
      'null, which filters nothing',
      { ids: null, customer_id: null, states: null, search: null, created_to: null },
      all,
    ],
  ])('%s', async (_, filter, expected) => {
    expect(await filtered('invoices', filter)).toEqual(expected);
  });

  test('numbers', async () => {
    const numbers = [(await billhead.ask('{ invoice(id: "i02") { number } }')).invoice.number, 'C-1', 'none'];
    expect(await filtered('invoices', { numbers })).toEqual(['credit', 'i02']);
  });
});

describe('orders are filtered by', () => {
  test.each<[string, object, readonly string[]]>([
    ['nothing', {}, every('o')],
    ['ids', { ids: ['o01', 'i01'] }, ['o01']],
    ['numbers', { numbers: ['O02', 'O03'] }, ['o02', 'o03']],
    ['customer', { customer_id: 'ada' }, some('o', [3, 6, 9, 12, 15])],
    ['a status', { statuses: ['ON_HOLD'] }, ['o05', 'o06']],
    ['a status that none has', { statuses: ['CLOSED'] }, []],
    [
      'when they were placed',
      { placed_from: '2026-01-01T12:00:00Z', placed_to: '2026-01-02T12:00:00Z' },
      some('o', [5, 10, 15]),
    ],
    ['when they came in', { created_from: '2026-02-05T00:00:00Z' }, ['o16']],
    ['search of a number', { search: 'o1' }, every('o').slice(9)],
    ['search of a customer', { search: 'lovelace' }, some('o', [3, 6, 9, 12, 15])],
    ['search of a NUL', { search: 'o\u0000' }, []],
  ])('%s', async (_, filter, expected) => {
    expect(await filtered('orders', filter)).toEqual(expected);
  });
});

describe('a search finds', () => {
  const ada = some('i', [6, 9, 12, 15]);
  const bob = ['credit', ...some('i', [1, 4, 7, 10, 13, 16])];
  test.each<[string, string, readonly string[]]>([
    ['the beginning of a number', 'c-', ['credit']],
    ['a number of an order on it, in any case', ' o04 ', ['i04']],
    ['the beginning of a name', 'ADA K', ada],
    ['a further word of a name', 'lovel', ada],
    ['an e-mail address', 'ada@analytical.example', ada],
    ['the host of an e-mail address', 'bob.ex', bob],
    ['letters beyond ASCII, in any case', 'ÅNGSTRÖM', bob],
    ['an organisation', 'söhne', bob],
    ['nothing in the middle of a word', 'velace', []],
    ['wildcards only as they stand', '%', []],
    ['an underscore only as it stands', 'o_4', []],
    ['nothing under a NUL', '\u0000', []],
    ['nothing under quotes', `'; DROP TABLE invoices; --`, []],
    ['nothing under a lone surrogate', '\ud800', []],
  ])('%s', async (_, search, expected) => {
    expect(await filtered('invoices', { search })).toEqual(expected);
  });

  test('everything when it is blank', async () => {
    expect(await filtered('invoices', { search: '  ' })).toHaveLength(COUNT - 1);
  });

  test('a customer under the name of today', async () => {
    const renamed = order('renamed', { customer: { id: 'new', name: 'Grace Murray', locale: 'en' } });
    await billhead.ask(PLACE_ORDER, { input: renamed }, otherKey);
    expect(await filtered('orders', { search: 'murray' }, otherKey)).toEqual(['renamed']);
    const again = { ...order('renamed-2'), customer: { id: 'new', name: 'Grace Hopper', locale: 'en' } };
    await billhead.ask(PLACE_ORDER, { input: again }, otherKey);
    expect(await filtered('orders', { search: 'murray' }, otherKey)).toEqual([]);
    expect(await filtered('orders', { search: 'hopper' }, otherKey)).toEqual(['renamed', 'renamed-2']);
  });
});

test('customers that were there before the search are found as those that come in after it', async () => {
  const migration = new URL('../../prisma/migrations/20261121010000_lists/migration.sql', import.meta.url);
  const [backfill] = /^INSERT INTO customer_terms[^;]*;/m.exec(await readFile(migration, 'utf8')) ?? [];
  const terms = async () =>
    (await database.query('SELECT * FROM customer_terms ORDER BY merchant_id, customer_id, term')).rows;
  const kept = await terms();
  expect(kept.map(({ term }) => term)).toContain('lovelace');
  await database.query('BEGIN; DELETE FROM customer_terms');
  await database.query(backfill ?? '');
  const filled = await terms();
  await database.query('ROLLBACK');
  expect(filled).toEqual(kept);
});

const sorts = (['invoices', 'orders'] as const).flatMap((list) =>
  ['CREATED_AT', 'UPDATED_AT', 'NUMBER', 'TOTAL', list === 'invoices' ? 'DUE_DATE' : 'PLACED_AT'].flatMap((field) =>
    ['ASC', 'DESC'].map((direction) => ({ list, sort: { field, direction } })),
  ),
);
const filterOf = (list: List) => (list === 'invoices' ? { is_archived: null } : null);

describe.each(sorts)('$list by $sort.field $sort.direction', ({ list, sort }) => {
  const filter = filterOf(list);

  /** All of them, sorted here. */
  const reference = async () => {
    const { nodes } = await read(list, { first: 100, filter });
    const key = sort.field.toLowerCase();
    const way = sort.direction === 'ASC' ? 1 : -1;
    const compare = (a: string | number, b: string | number) => (a < b ? -way : a > b ? way : 0);
    return idsOf({ nodes: nodes.sort((a: any, b: any) => compare(a[key], b[key]) || compare(a.id, b.id)) });
  };

  test('comes in that order, ties by id', async () => {
    expect(idsOf(await read(list, { first: 100, filter, sort }))).toEqual(await reference());
  });

  test.each([1, 3, 5])('is paged by %i forward and backward, each exactly once', async (size) => {
    const expected = await reference();
    const forward: string[] = [];
    for (let after = null; ;) {
      const page = await read(list, { first: size, after, filter, sort });
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      forward.push(...idsOf(page));
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
    }
    expect(forward).toEqual(expected);

    const backward: string[] = [];
    for (let before = null; ;) {
      const page = await read(list, { last: size, before, filter, sort });
      expect(page.pageInfo.hasNextPage).toBe(before !== null);
      backward.unshift(...idsOf(page));
      if (!page.pageInfo.hasPreviousPage) break;
      before = page.pageInfo.startCursor;
    }
    expect(backward).toEqual(expected);
  });

  test('between two cursors, from either end', async () => {
    const expected = await reference();
    const { edges } = await read(list, { first: 100, filter, sort });
    const between = { after: edges[2].cursor, before: edges[9].cursor, filter, sort };
    expect(idsOf(await read(list, { first: 100, ...between }))).toEqual(expected.slice(3, 9));
    const front = await read(list, { first: 2, ...between });
    expect(idsOf(front)).toEqual(expected.slice(3, 5));
    expect(front.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const end = await read(list, { last: 2, ...between });
    expect(idsOf(end)).toEqual(expected.slice(7, 9));
    expect(end.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    expect(end.total_count).toBe(expected.length);
  });
});

describe('pages stay where they were', () => {
  test.each(sorts.filter(({ list }) => list === 'invoices'))('while invoices come in: %j', async ({ sort }) => {
    const filter = { is_archived: null };
    const expected = idsOf(await read('invoices', { first: 100, filter, sort }));
    const seen: string[] = [];
    const added: string[] = [];
    for (let after = null; ;) {
      const page = await read('invoices', { first: 4, after, filter, sort });
      seen.push(...idsOf(page));
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
      // One just before everything seen, one among it, one at the very end of the list.
      for (const [place, source] of [
        ['0', 'i01'],
        ['m', seen[seen.length >> 1]],
        ['z', 'i16'],
      ]) {
        const id = `${place}-${added.length}`;
        added.push(id);
        await copyRow(database, 'invoices', source ?? '', {
          id,
          number: `${id}-new`,
          sequence: 1000 + added.length,
        });
      }
    }
    await tamper(billhead.databaseUrl, 'DELETE FROM invoices WHERE id = ANY($1)', [added]);
    expect(seen.filter((id) => !added.includes(id))).toEqual(expected);
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe('is refused with every fault at once', () => {
  const faultsOf = async (list: List, variables: object) => {
    const { extensions } = await billhead.refusal(queryOf(list), variables);
    expect(extensions.code).toBe('BAD_USER_INPUT');
    return extensions.faults?.map(({ path }) => path.join('.')) ?? [];
  };
  const many = Array.from({ length: 101 }, String);
  const long = 'x'.repeat(201);

  test('a filter of invoices', async () => {
    const filter = {
      ids: many,
      numbers: ['a', long],
      order_ids: many,
      order_numbers: many,
      customer_id: long,
      states: many.map(() => 'OPEN'),
      types: many.map(() => 'INVOICE'),
      created_from: '2026-01-01T00:00:00.001Z',
      created_to: '2026-01-01T00:00:00Z',
      due_from: '2026-01-02',
      due_to: '2026-01-01',
      search: long,
    };
    expect(await faultsOf('invoices', { first: 101, after: 'nonsense', before: 'bm9uZQ', filter })).toEqual([
      ...['ids', 'numbers.1', 'order_ids', 'order_numbers', 'customer_id', 'states', 'types', 'search'].map(
        (name) => `filter.${name}`,
      ),
      'filter.created_to',
      'filter.due_to',
      'first',
      'after',
      'before',
    ]);
  });

  test('a filter of orders', async () => {
    const filter = {
      ids: many,
      numbers: many,
      customer_id: long,
      statuses: many.map(() => 'NEW'),
      placed_from: '2026-01-02T00:00:00Z',
      placed_to: '2026-01-01T00:00:00Z',
      created_from: '2026-01-02T00:00:00Z',
      created_to: '2026-01-01T00:00:00Z',
      search: long,
    };
    expect(await faultsOf('orders', { filter })).toEqual(
      ['ids', 'numbers', 'customer_id', 'statuses', 'search', 'placed_to', 'created_to'].map(
        (name) => `filter.${name}`,
      ),
    );
  });

  test.each(sorts)('a cursor of another sort than that of $list by $sort.field', async ({ list, sort }) => {
    const { pageInfo } = await read(list, { first: 1, sort });
    for (const other of new Set(sorts.filter((one) => one.list === list).map((one) => one.sort.field))) {
      if (other === sort.field) continue;
      const variables = { after: pageInfo.endCursor, before: pageInfo.endCursor, sort: { field: other } };
      expect(await faultsOf(list, variables)).toEqual(['after', 'before']);
    }
    // The other direction is the same sort, read from its other end.
    const { field } = sort;
    const direction = sort.direction === 'ASC' ? 'DESC' : 'ASC';
    expect(
      idsOf(await read(list, { first: 100, before: pageInfo.endCursor, sort: { field, direction } })),
    ).toHaveLength((await read(list, { first: 100 })).total_count - 1);
  });

  test.each([
    '["TOTAL","12.5","i"]',
    '["TOTAL","1e3","i"]',
    '["TOTAL",5,"i"]',
    '["TOTAL","99999999999999999999","i"]',
    '["TOTAL","1"]',
    '["toString","1","i"]',
    '{"TOTAL":1}',
  ])('a cursor that was made up: %s', async (text) => {
    const after = Buffer.from(text).toString('base64url');
    expect(await faultsOf('invoices', { after, sort: { field: 'TOTAL' } })).toEqual(['after']);
  });

  test.each(['2026-02-30', '0000-01-01', 'infinity', '2026-1-1'])('a cursor of the day %s', async (day) => {
    const after = Buffer.from(JSON.stringify(['DUE_DATE', day, 'i'])).toString('base64url');
    expect(await faultsOf('invoices', { after, sort: { field: 'DUE_DATE' } })).toEqual(['after']);
  });

  test('a cursor beyond the years that have four digits', async () => {
    const after = Buffer.from('999999999999999 i').toString('base64url');
    expect(await faultsOf('invoices', { after })).toEqual(['after']);
  });

  test('but a cursor with a NUL stands somewhere, like any other', async () => {
    const after = Buffer.from('["NUMBER","\\u0000","\\u0000"]').toString('base64url');
    expect((await read('invoices', { after, sort: { field: 'NUMBER', direction: 'ASC' } })).nodes).toHaveLength(
      COUNT - 1,
    );
  });
});

test('what belongs to another merchant is not found by any filter', async () => {
  const { nodes } = await read('invoices', { first: 1 });
  const filters = [
    { ids: every('i') },
    { numbers: [nodes[0].number] },
    { order_ids: every('o') },
    { order_numbers: ['O01', 'O02'] },
    { customer_id: 'ada' },
    { search: 'ada' },
    { search: 'o0' },
    { is_archived: null },
  ];
  for (const filter of filters) expect(await filtered('invoices', filter, otherKey)).toEqual([]);
  for (const filter of [{ ids: every('o') }, { customer_id: 'ada' }, { search: 'ada' }, { search: 'o0' }]) {
    expect(await filtered('orders', filter, otherKey)).toEqual([]);
  }
});

test('a list of 50 invoices with all that hangs on them takes as many statements as a list of one', async () => {
  const key = await billhead.addMerchant('busy');
  for (let n = 1; n <= 50; n += 1) {
    const customer = { id: `c${n}`, name: `Customer ${n}`, locale: 'en' };
    await billhead.ask(PLACE_ORDER, { input: order(`b${n}`, { customer }) }, key);
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`b${n}-1`], invoice_id: `b${n}` } }, key);
  }
  await database.query(
    `UPDATE invoices SET pdf_status = 'READY', pdf_sha256 = repeat('a', 64), pdf_due_at = NULL, amount_paid = 1
     WHERE merchant_id = 'busy'`,
  );
  await database.query(
    `INSERT INTO payments (merchant_id, id, invoice_id, method, amount, is_refund, status, created_at)
     SELECT merchant_id, 'p-' || id, id, 'card', 1, false, 'SUCCEEDED', now() FROM invoices WHERE merchant_id = 'busy'`,
  );
  await database.query(
    `INSERT INTO invoice_emails (merchant_id, id, invoice_id, recipient, due_at, created_at)
     SELECT merchant_id, 'm-' || id, id, 'ada@example.com', now(), now() FROM invoices WHERE merchant_id = 'busy'`,
  );
  const query = `query ($first: Int!) { invoices(first: $first) { total_count nodes {
    id number customer { name } orders { number items { name } customer { name } } lines { name } vat { amount }
    reimbursement { status payments { amount } } emails { to error } last_notification_at pdf_url } } }`;
  const count = async (first: number) => {
    const statements = await statementsOf(async () => {
      const { invoices } = await billhead.ask(query, { first }, key);
      expect(invoices.nodes).toHaveLength(first);
      for (const node of invoices.nodes) {
        expect(node.pdf_url).toMatch(/^http/);
        const { orders, lines, reimbursement, emails } = node;
        expect([orders, lines, reimbursement.payments, emails].map(({ length }) => length)).toEqual([1, 1, 1, 1]);
      }
    });
    return statements.length;
  };
  // The first request of a merchant looks up what is then known for good: the secret that signs its links.
  await count(1);
  const one = await count(1);
  expect(one).toBeGreaterThan(8);
  expect(await count(50)).toBe(one);
});
