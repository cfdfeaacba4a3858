// Measure "import": orders a second through `npm run import`, and the memory that it takes.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { memoryText, watchMemory, type Watch } from './memory.ts';
import type { Options } from './options.ts';
import { number, type Found } from './report.ts';
import { runProgram, type Stage } from './stage.ts';

const ITEMS = 3;
const CUSTOMERS = 1_000;

export async function measureImport(stage: Stage, options: Options): Promise<Found> {
  const shop = await stage.openShop();
  const file = path.join(stage.folder, 'orders.jsonl');
  try {
    await writeOrders(file, options.orders);
    let watch: Watch | null = null;
    const output = await runProgram(
      'commands/import-orders.js',
      shop.environment,
      [file, '--api-key', shop.apiKey],
      (pid) => (watch = watchMemory({ import: pid })),
    );
    const memory = await (watch as Watch | null)?.end();
    const [, placed, seconds] = /(\d+) placed, 0 there already, 0 refused in ([\d.]+) s/.exec(output) ?? [];
    if (Number(placed) !== options.orders) throw new Error(`Not everything was imported:\n${output}`);
    const rows = [
      {
        measure: `import of ${options.orders.toLocaleString('en-US')} orders of ${ITEMS} items`,
        billhead: `${number(options.orders / Number(seconds))}/s; memory ${memoryText(memory, 'import')}`,
        other: '',
        ratio: null,
        goal: 'memory flat',
      },
    ];
    return { rows, notes: [] };
  } finally {
    await rm(file, { force: true });
    await shop.close();
  }
}

async function writeOrders(file: string, count: number): Promise<void> {
  const stream = createWriteStream(file);
  for (let order = 1; order <= count; order += 1) {
    if (!stream.write(`${JSON.stringify(orderJson(order))}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
}

function orderJson(order: number): object {
  const customer = order % CUSTOMERS;
  return {
    id: `o${order}`,
    number: `N${order}`,
    customer: {
      id: `c${customer}`,
      name: `Jet Bakker ${customer}`,
      email: `jet${customer}@goudenaar.example`,
      organisation: `Bakkerij De Gouden Aar ${customer}`,
      locale: 'nl-NL',
    },
    currency: 'EUR',
    billing_address: { street: 'Oudegracht 88 bis', postal_code: '3511 AV', city: 'Utrecht', country: 'NL' },
    items: Array.from({ length: ITEMS }, (_, index) => ({
      id: `o${order}-${index + 1}`,
      sku: `SKU-${index + 1}`,
      name: `Artikel ${index + 1} in een doos`,
      quantity: 2,
      unit_price: 1249 + index,
      vat_rate: index % 2 === 0 ? '21' : '9',
    })),
  };
}
