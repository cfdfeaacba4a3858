// A merchant with one webhook endpoint at a receiver, and what tests do with both.

import { INVOICE_ITEMS, order, PLACE_ORDER } from './orders.ts';
import type { TestProduct } from './product.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';

export const CREATE_ENDPOINT = `mutation Create($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) {
  secret endpoint { id url description events is_enabled disabled_reason former_secret_expires_at } } }`;
export const DELIVERIES = `query Deliveries($filter: WebhookDeliveryFilter, $first: Int, $after: String) {
  webhookDeliveries(filter: $filter, first: $first, after: $after) { total_count pageInfo { hasNextPage endCursor }
    nodes { id webhook_id endpoint_id event invoice_id happened_at status attempts next_attempt_at last_attempt_at
      duration_ms response_status response error created_at } } }`;

let count = 0;

/** A merchant with one endpoint that is told of these events. */
export async function subscribedMerchant(product: TestProduct, receiver: WebhookReceiver, events: readonly string[]) {
  const merchantId = `subscriber-${(count += 1)}`;
  const key = await product.addMerchant(merchantId);
  const path = `/${merchantId}`;
  const input = { url: receiver.url + path, events };
  const { createWebhookEndpoint } = await product.ask(CREATE_ENDPOINT, { input }, key);
  const { endpoint, secret } = createWebhookEndpoint as { endpoint: { id: string }; secret: string };
  const ask = (query: string, variables: object = {}) => product.ask(query, variables, key);
  const place = (id: string, changes: object = {}) => ask(PLACE_ORDER, { input: order(id, changes) });
  return {
    merchantId,
    key,
    path,
    secret,
    endpointId: endpoint.id,
    reference: { merchantId, endpointId: endpoint.id },
    ask,
    place,
    /** An order and an invoice over it, both with this id. */
    issue: async (id: string) => {
      await place(id);
      await ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
    },
    received: () => receiver.receivedAt(path),
    types: () => receiver.receivedAt(path).map(({ message }) => message.type as string),
    deliveries: async (filter: object = {}) =>
      (await ask(DELIVERIES, { filter: { endpoint_ids: [endpoint.id], ...filter } })).webhookDeliveries.nodes,
  };
}
