// The words of a mail that brings an invoice, in the languages of the invoices themselves.

/** What stands in braces is filled in. Where a name would have to be inflected, the greeting does without. */
export interface MailWording {
  /** {name} of the buyer. */
  readonly greeting: string;
  /** {number} of the invoice, {seller} who sends it. */
  readonly invoiceAttached: string;
  readonly creditAttached: string;
  /** On the button that leads to a payment page. */
  readonly pay: string;
  readonly closing: string;
}

const words = (
  greeting: string,
  invoiceAttached: string,
  creditAttached: string,
  pay: string,
  closing: string,
): MailWording => ({ greeting, invoiceAttached, creditAttached, pay, closing });

const ENGLISH = words(
  'Hello {name},',
  'Attached is invoice {number} from {seller}.',
  'Attached is credit invoice {number} from {seller}.',
  'Pay online',
  'Kind regards',
);

const MAIL_WORDINGS: ReadonlyMap<string, MailWording> = new Map(
  Object.entries({
    en: ENGLISH,
    nl: words(
      'Beste {name},',
      'In de bijlage vindt u factuur {number} van {seller}.',
      'In de bijlage vindt u creditfactuur {number} van {seller}.',
      'Online betalen',
      'Met vriendelijke groet',
    ),
    de: words(
      'Guten Tag {name},',
      'im Anhang finden Sie die Rechnung {number} von {seller}.',
      'im Anhang finden Sie die Rechnungskorrektur {number} von {seller}.',
      'Online bezahlen',
      'Mit freundlichen Grüßen',
    ),
    sv: words(
      'Hej {name}!',
      'Bifogat finns faktura {number} från {seller}.',
      'Bifogat finns kreditfaktura {number} från {seller}.',
      'Betala online',
      'Med vänlig hälsning',
    ),
    da: words(
      'Hej {name}',
      'Vedhæftet er faktura {number} fra {seller}.',
      'Vedhæftet er kreditnota {number} fra {seller}.',
      'Betal online',
      'Med venlig hilsen',
    ),
    fr: words(
      'Bonjour {name},',
      'Veuillez trouver ci-joint la facture {number} de {seller}.',
      'Veuillez trouver ci-joint la facture d’avoir {number} de {seller}.',
      'Payer en ligne',
      'Cordialement',
    ),
    es: words(
      'Hola, {name}:',
      'Adjuntamos la factura {number} de {seller}.',
      'Adjuntamos la factura rectificativa {number} de {seller}.',
      'Pagar en línea',
      'Un cordial saludo',
    ),
    it: words(
      'Buongiorno {name},',
      'in allegato trova la fattura {number} di {seller}.',
      'in allegato trova la nota di credito {number} di {seller}.',
      'Paga online',
      'Cordiali saluti',
    ),
    pt: words(
      'Olá, {name},',
      'Enviamos em anexo a fatura {number} de {seller}.',
      'Enviamos em anexo a nota de crédito {number} de {seller}.',
      'Pagar online',
      'Com os melhores cumprimentos',
    ),
    ro: words(
      'Bună ziua, {name},',
      'Atașat găsiți factura {number} de la {seller}.',
      'Atașat găsiți factura storno {number} de la {seller}.',
      'Plătiți online',
      'Cu stimă',
    ),
    pl: words(
      'Dzień dobry,',
      'w załączniku przesyłamy fakturę nr {number} od firmy {seller}.',
      'w załączniku przesyłamy fakturę korygującą nr {number} od firmy {seller}.',
      'Zapłać online',
      'Z poważaniem',
    ),
    cs: words(
      'Dobrý den,',
      'v příloze najdete fakturu č. {number} od společnosti {seller}.',
      'v příloze najdete opravný daňový doklad č. {number} od společnosti {seller}.',
      'Zaplatit online',
      'S pozdravem',
    ),
    sk: words(
      'Dobrý deň,',
      'v prílohe nájdete faktúru č. {number} od spoločnosti {seller}.',
      'v prílohe nájdete opravnú faktúru č. {number} od spoločnosti {seller}.',
      'Zaplatiť online',
      'S pozdravom',
    ),
    sl: words(
      'Pozdravljeni,',
      'v priponki je račun št. {number} podjetja {seller}.',
      'v priponki je dobropis št. {number} podjetja {seller}.',
      'Plačaj prek spleta',
      'Lep pozdrav',
    ),
    hr: words(
      'Poštovani,',
      'u privitku je račun br. {number} tvrtke {seller}.',
      'u privitku je odobrenje br. {number} tvrtke {seller}.',
      'Plati online',
      'Srdačan pozdrav',
    ),
    bg: words(
      'Здравейте,',
      'Приложена е фактура № {number} от {seller}.',
      'Приложено е кредитно известие № {number} от {seller}.',
      'Платете онлайн',
      'С уважение',
    ),
    fi: words(
      'Hei {name},',
      'Liitteenä on lasku {number}, lähettäjä {seller}.',
      'Liitteenä on hyvityslasku {number}, lähettäjä {seller}.',
      'Maksa verkossa',
      'Ystävällisin terveisin',
    ),
    et: words(
      'Tere!',
      'Manuses on arve {number} ettevõttelt {seller}.',
      'Manuses on kreeditarve {number} ettevõttelt {seller}.',
      'Maksa veebis',
      'Lugupidamisega',
    ),
    hu: words(
      'Tisztelt {name}!',
      'Mellékelten küldjük számláját: {number} ({seller}).',
      'Mellékelten küldjük módosító számláját: {number} ({seller}).',
      'Online fizetés',
      'Üdvözlettel',
    ),
    lv: words(
      'Labdien!',
      'Pielikumā ir rēķins Nr. {number} no uzņēmuma {seller}.',
      'Pielikumā ir kredītrēķins Nr. {number} no uzņēmuma {seller}.',
      'Maksāt tiešsaistē',
      'Ar cieņu',
    ),
    lt: words(
      'Laba diena,',
      'pridedame įmonės {seller} sąskaitą faktūrą Nr. {number}.',
      'pridedame įmonės {seller} kreditinę sąskaitą faktūrą Nr. {number}.',
      'Mokėti internetu',
      'Pagarbiai',
    ),
    el: words(
      'Καλημέρα σας,',
      'Επισυνάπτεται το τιμολόγιο {number} από {seller}.',
      'Επισυνάπτεται το πιστωτικό τιμολόγιο {number} από {seller}.',
      'Πληρωμή online',
      'Με εκτίμηση',
    ),
  }),
);

/** The wording of a language (its ISO 639 code); English for a language that is not worded. */
export function mailWordingOf(language: string): MailWording {
  return MAIL_WORDINGS.get(language) ?? ENGLISH;
}
