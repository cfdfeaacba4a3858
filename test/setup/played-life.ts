// One random life: each step is done to the server and to the model, and then both must say the same.

import assert from 'node:assert/strict';
import { eventually } from './eventually.ts';
import { gatewayEntries } from './gateway.ts';
import { nameContraItems, play, type Operation } from './invoicing-model-operations.ts';
import { brokenLaws, LOOK, lookInput, seenIn, viewOf, type AnsweredPayment } from './invoicing-model-view.ts';
import { place, type Model } from './invoicing-model.ts';
import { order, PLACE_ORDER } from './orders.ts';
import type { GraphqlError, TestProduct } from './product.ts';
import { nextOperation, someOrders } from './random-life.ts';

const INPUTS: Readonly<Record<string, string>> = {
  holdOrder: 'OrderIdInput',
  releaseOrder: 'OrderIdInput',
  captureInvoice: 'InvoiceIdInput',
  voidInvoice: 'InvoiceIdInput',
  cancelInvoice: 'InvoiceIdInput',
  archiveInvoice: 'InvoiceIdInput',
  restoreInvoice: 'InvoiceIdInput',
};

function mutationOf(name: Operation['name']): string {
  const type = INPUTS[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const isTakeBack = name === 'cancelOrderItems' || name === 'returnOrderItems';
  const answer = isTakeBack ? 'contra_items { id }' : '__typename';
  return `mutation M($input: ${type}!) { ${name}(input: $input) { ${answer} } }`;
}

export class PlayedLife {
  readonly #billhead: TestProduct;
  readonly #id: string;
  readonly #model: Model;
  readonly #isIncludingVat: boolean;
  #paymentsOf: (invoiceId: string) => readonly AnsweredPayment[] = () => [];
  /** Contra items of the last step, which the server named. */
  #made: readonly string[] = [];
  /** What was done, for people. */
  readonly steps: string[] = [];
  /** What came of it: operation → code, or done. */
  readonly outcomes: string[] = [];

  constructor(billhead: TestProduct, id: string, isIncludingVat: boolean) {
    this.#billhead = billhead;
    this.#id = id;
    this.#model = { customerId: `customer-of-${id}`, orders: [], invoices: [] };
    this.#isIncludingVat = isIncludingVat;
  }

  async begin(seed: number): Promise<void> {
    for (const spec of someOrders(this.#id, seed)) {
      const customer = { id: this.#model.customerId, name: 'Ada Lovelace', locale: 'en' };
      const items = spec.items.map((row) => ({ ...row, name: row.id }));
      const input = { ...order(spec.id), ...spec, items, customer, is_including_vat: this.#isIncludingVat };
      this.steps.push(`placeOrder ${JSON.stringify({ ...spec, is_including_vat: this.#isIncludingVat })}`);
      await this.#billhead.ask(PLACE_ORDER, { input });
      place(this.#model, spec, this.#isIncludingVat);
    }
    await this.#expectSame();
  }

  async step(name: Operation['name'], seed: number): Promise<void> {
    const operation = nextOperation(this.#model, name, seed);
    if (!operation) return;
    this.steps.push(`${name} ${JSON.stringify(operation.input)}`);
    const refusal = await this.#perform(operation);
    const expected = play(this.#model, operation);
    this.outcomes.push(`${name} → ${expected?.code ?? 'done'}`);
    const reason = refusal ? `: ${refusal.message}` : '';
    assert.equal(
      `${refusal?.extensions.code ?? 'done'}${reason}`,
      `${expected?.code ?? 'done'}${expected ? reason : ''}`,
    );
    const blockers = refusal?.extensions.blockers?.map((one) => `${one.code} ${one.item_id}`) ?? [];
    assert.deepEqual(blockers.sort(), [...(expected?.blockers ?? [])].sort());
    // What was decided about an authorisation is heard by the server in its own time.
    if (name === 'decideAuthorization') await eventually(() => this.#expectSame().then(() => true));
    else await this.#expectSame();
  }

  async #perform(operation: Operation): Promise<GraphqlError | null> {
    const { name, input } = operation;
    const { testGateway, app } = this.#billhead.product;
    if (operation.name === 'decideAuthorization') {
      const pending = await gatewayEntries(this.#billhead.databaseUrl, `card_pending_${operation.input.order_id}`);
      await testGateway?.decide(pending.at(-1)?.reference ?? '', operation.input.verdict);
      return null;
    }
    if (operation.name === 'decidePayment') {
      const payment = this.#paymentsOf(operation.input.invoice_id)[operation.input.payment];
      await testGateway?.decide(payment?.reference ?? '', operation.input.verdict);
      await app.settleGatewayCall({ merchantId: 'demo', callId: payment?.id ?? '' });
      // What an invoice cannot take any more is sent back by the sweep.
      await app.settleDueGatewayCalls();
      return null;
    }
    const { data, errors } = await this.#billhead.graphql(mutationOf(name), { input });
    const made = data?.[name]?.contra_items?.map(({ id }: { id: string }) => id);
    if (made) this.#made = made;
    return errors?.[0] ?? null;
  }

  async #expectSame(): Promise<void> {
    nameContraItems(this.#model, this.#made);
    this.#made = [];
    const { view, paymentsOf } = seenIn(await this.#billhead.ask(LOOK, lookInput(this.#model)));
    assert.deepEqual(view, viewOf(this.#model));
    assert.deepEqual(brokenLaws(this.#model), []);
    this.#paymentsOf = paymentsOf;
  }
}
