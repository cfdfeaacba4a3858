// A list of invoices as a Relay front end asks for it. Compiled by relay-compiler, never run: its artifacts are.

import { graphql } from 'relay-runtime';

/** The screen: a first page of the list. */
export const query = () => graphql`
  query InvoiceListQuery($count: Int!) {
    ...InvoiceList_invoices @arguments(count: $count)
  }
`;

/** The list, which can ask for its own next page. */
export const fragment = () => graphql`
  fragment InvoiceList_invoices on Query
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "InvoiceListPageQuery") {
    invoices(first: $count, after: $cursor, sort: { field: NUMBER, direction: ASC })
      @connection(key: "InvoiceList_invoices") {
      edges {
        node {
          id
          number
          total
        }
      }
    }
  }
`;
