// Who sells and who buys: merchants, customers and addresses, as they are kept and as they are frozen on documents.

/** A postal address; `country` is ISO 3166-1 alpha-2. `name` and `organisation` say who receives there, if not the customer. */
export interface Address {
  readonly name: string | null;
  readonly organisation: string | null;
  readonly street: string;
  readonly postalCode: string | null;
  readonly city: string;
  readonly region: string | null;
  readonly country: string;
}

/** Who is billed. `locale` (BCP 47) decides the language and the number format of documents. */
export interface Customer {
  readonly merchantId: string;
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly organisation: string | null;
  readonly vatNumber: string | null;
  readonly registrationNumber: string | null;
  readonly locale: string;
}

/** The seller as printed on documents. `iban` and `bic` tell the buyer where to pay. */
export interface Seller {
  readonly name: string;
  readonly address: Address;
  readonly email: string | null;
  readonly phone: string | null;
  readonly website: string | null;
  readonly vatNumber: string | null;
  readonly registrationNumber: string | null;
  readonly iban: string | null;
  readonly bic: string | null;
}

/** The buyer as printed on documents. */
export interface Buyer {
  readonly name: string;
  readonly organisation: string | null;
  readonly email: string | null;
  readonly vatNumber: string | null;
  readonly registrationNumber: string | null;
}

/** The tenant. `numberPattern` and `paymentTermDays` shape the documents that it issues from now on. */
export interface Merchant {
  readonly id: string;
  readonly seller: Seller;
  /** IANA time zone in which the merchant's day begins: it decides issue dates and the year of a number. */
  readonly timeZone: string;
  readonly numberPattern: string;
  readonly paymentTermDays: number;
}

/** What is copied of a customer onto a document. */
export function buyerOf(customer: Customer): Buyer {
  const { name, organisation, email, vatNumber, registrationNumber } = customer;
  return { name, organisation, email, vatNumber, registrationNumber };
}
