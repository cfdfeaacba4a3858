// Generates the resolver types of the GraphQL door from schema.graphql, mapped onto the product's own types; and, for the
// tests, the documents of the README typed as a client sees them.

import { readFileSync } from 'node:fs';
import type { CodegenConfig } from '@graphql-codegen/cli';
import { buildSchema } from 'graphql';
import { operationScopes } from './src/graphql/operation-scopes.ts';

// Nothing is generated, so nothing is built, while an operation is open to everybody.
operationScopes(buildSchema(readFileSync('schema.graphql', 'utf8')));

const config: CodegenConfig = {
  schema: 'schema.graphql',
  generates: {
    'src/generated/graphql.ts': {
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        immutableTypes: true,
        inputMaybeValue: 'T | null | undefined',
        defaultScalarType: 'never',
        contextType: '../graphql/context.ts#Context',
        scalars: {
          Money: 'bigint',
          Quantity: 'bigint',
          Decimal: 'bigint',
          DateTime: 'Date',
          Date: 'string',
        },
        mappers: {
          Address: '../domain/party.ts#Address as AddressRecord',
          Blocker: '../domain/errors.ts#Blocker as BlockerRecord',
          Customer: '../domain/party.ts#Customer as CustomerRecord',
          Invoice: '../domain/invoice.ts#Invoice as InvoiceRecord',
          Invoiceability: '../domain/invoiceability.ts#Invoiceability as InvoiceabilityRecord',
          InvoiceLine: '../domain/invoice.ts#InvoiceLine as InvoiceLineRecord',
          InvoicePreview: '../domain/preview-invoice.ts#InvoicePreview as InvoicePreviewRecord',
          InvoiceConnection: '../graphql/connection.ts#InvoiceConnection as InvoiceConnectionRecord',
          InvoiceEdge: '../graphql/connection.ts#InvoiceEdge as InvoiceEdgeRecord',
          Order: '../domain/order.ts#Order as OrderRecord',
          OrderConnection: '../graphql/connection.ts#OrderConnection as OrderConnectionRecord',
          OrderEdge: '../graphql/connection.ts#OrderEdge as OrderEdgeRecord',
          OrderItem: '../domain/order.ts#OrderItem as OrderItemRecord',
          InvoiceEmail: '../domain/invoice-notes.ts#InvoiceEmail as InvoiceEmailRecord',
          InvoiceComment: '../domain/invoice-notes.ts#InvoiceComment as InvoiceCommentRecord',
          Payment: '../domain/payment.ts#Payment as PaymentRecord',
          Reimbursement: '../graphql/reimbursement.ts#PaidInvoice as ReimbursementRecord',
          CancelOrderItemsPayload: '../actions/take-back-items.ts#TakenBackItems as CancelOrderItemsPayloadRecord',
          ReturnOrderItemsPayload: '../actions/take-back-items.ts#TakenBackItems as ReturnOrderItemsPayloadRecord',
          InvoiceFault: '../domain/seal.ts#SealFault as SealFaultRecord',
          InvoiceNumberReport: '../domain/number-report.ts#NumberReport as NumberReportRecord',
          InvoiceVerification: '../actions/verify-invoices.ts#InvoiceVerification as InvoiceVerificationRecord',
          NumberSeries: '../domain/number-report.ts#NumberSeriesReport as NumberSeriesRecord',
          VatAmount: '../domain/vat.ts#VatAmount as VatAmountRecord',
          WebhookEndpoint: '../domain/webhook-endpoint.ts#WebhookEndpoint as WebhookEndpointRecord',
          WebhookDelivery: '../domain/webhook-delivery.ts#WebhookDelivery as WebhookDeliveryRecord',
          WebhookDeliveryConnection:
            '../graphql/connection.ts#WebhookDeliveryConnection as WebhookDeliveryConnectionRecord',
          WebhookDeliveryEdge: '../graphql/connection.ts#WebhookDeliveryEdge as WebhookDeliveryEdgeRecord',
        },
      },
    },
    'test/generated/operations.ts': {
      documents: 'test/clients/*.graphql',
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        useTypeImports: true,
        enumType: 'string-literal',
        strictScalars: true,
        scalars: { Money: 'number', Quantity: 'number', Decimal: 'string', DateTime: 'string', Date: 'string' },
      },
    },
  },
};

export default config;
