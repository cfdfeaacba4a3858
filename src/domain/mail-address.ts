// What a mail can be sent to: one plausible address. The mail server knows the rest.

const MAX_LENGTH = 254;
const MAX_LOCAL_LENGTH = 64;
// RFC 5321 and 6531: letters of any script, digits and the signs that need no quotes. Quoted names, comments, lists and
// literal IP addresses are left out on purpose: nobody gets an invoice there.
const LOCAL = /^[\p{L}\p{N}\p{M}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{N}\p{M}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}-]{0,61}[\p{L}\p{N}\p{M}])?$/u;

/** What is wrong with a mail address, or null. */
export function mailAddressFault(address: string): string | null {
  if (address.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  const domain = address.slice(at + 1);
  const isPlausible = local.length <= MAX_LOCAL_LENGTH && LOCAL.test(local) && isDomain(domain);
  return isPlausible ? null : 'must be one e-mail address, such as "ada@example.com"';
}

function isDomain(domain: string): boolean {
  const labels = domain.split('.');
  return (labels.length > 1 || domain === 'localhost') && labels.every((label) => LABEL.test(label));
}
