// The log: one JSON line an event, through pino.

import { pino } from 'pino';
import type { Log } from '../ports.ts';

export function pinoLog(level: string): Log {
  const logger = pino({ level, base: { pid: process.pid } });
  return {
    info: (event, details = {}) => logger.info(details, event),
    warn: (event, details = {}) => logger.warn(details, event),
    error: (event, details = {}) => logger.error(details, event),
  };
}
