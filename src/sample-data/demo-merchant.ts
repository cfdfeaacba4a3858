// The merchant of the demo: a made-up Dutch trading company, every datum of it invented or a published example.

import type { Merchant } from '../domain/party.ts';

export const DEMO_MERCHANT: Merchant = {
  id: 'demo',
  seller: {
    name: 'Polderhandel Voorbeeld B.V.',
    address: {
      name: null,
      organisation: null,
      street: 'Voorbeeldkade 1',
      postalCode: '1234 AB',
      city: 'Amsterdam',
      region: null,
      country: 'NL',
    },
    email: 'facturen@polderhandel.example',
    phone: '+31 20 000 0000',
    website: 'https://www.polderhandel.example',
    vatNumber: 'NL001234567B01',
    registrationNumber: '01234567',
    // The account that Dutch banks print in their own documentation.
    iban: 'NL91ABNA0417164300',
    bic: 'ABNANL2A',
  },
  timeZone: 'Europe/Amsterdam',
  numberPattern: '{year}-{sequence:6}',
  paymentTermDays: 14,
};
