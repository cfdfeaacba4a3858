// The clock that all processes share: the database's. When a PDF is due, how long a lease lasts and on what day an invoice
// is issued is written by one machine and read by another, and their own clocks may differ by an hour.
//
// A difference that nobody would notice is left alone, so that time never jumps where the clocks agree.

import type { Clock, Log } from '../ports.ts';

export interface DatabaseClock extends Clock {
  /** Waits for a look at the database that is under way. */
  close(): Promise<void>;
}

export interface DatabaseClockOptions {
  readonly readTime: () => Promise<Date>;
  readonly log: Log;
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 60_000;
const NOTICEABLE_MS = 2_000;

/** Rejects when the database does not tell the time at once; later the last difference that was seen holds. */
export async function startDatabaseClock({
  readTime,
  log,
  lookEveryMs = LOOK_EVERY_MS,
}: DatabaseClockOptions): Promise<DatabaseClock> {
  let differenceMs = 0;
  const look = async () => {
    const asked = Date.now();
    const there = (await readTime()).getTime();
    const answered = Date.now();
    // The database read its clock at some moment between the two.
    const found = there - (asked + answered) / 2;
    const isNoticeable = Math.abs(found) > NOTICEABLE_MS + (answered - asked) / 2;
    const isNews = isNoticeable && Math.abs(found - differenceMs) > NOTICEABLE_MS;
    differenceMs = isNoticeable ? Math.round(found) : 0;
    if (isNews) log.warn('clock.differs', { differenceMs, meaning: 'the database says what time it is' });
  };
  await look();
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    // Without an answer nothing new is known.
    looking = looking.then(look).catch(() => undefined);
  }, lookEveryMs);
  timer.unref();
  return {
    now: () => new Date(Date.now() + differenceMs),
    close: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}
