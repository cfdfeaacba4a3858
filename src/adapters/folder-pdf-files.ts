// PDF files in a folder, named by the SHA-256 of their content. Writing the same content twice is harmless.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PdfFiles } from '../ports.ts';
import { writeForGood } from './flushed-file.ts';

export function folderPdfFiles(folder: string): PdfFiles {
  const locate = (sha256: string) => path.join(folder, sha256.slice(0, 2), `${sha256}.pdf`);
  return {
    write: async (content) => {
      const sha256 = createHash('sha256').update(content).digest('hex');
      await writeForGood(locate(sha256), content);
      return { sha256 };
    },
    open: async (sha256) => {
      if (!/^[0-9a-f]{64}$/.test(sha256)) return null;
      const file = locate(sha256);
      const size = await stat(file).then(
        (found) => found.size,
        () => null,
      );
      return size === null ? null : { size, stream: (range) => createReadStream(file, range) };
    },
    digestOf: async (sha256) => {
      const hash = createHash('sha256');
      try {
        await pipeline(createReadStream(locate(sha256)), hash);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
      return hash.digest('hex');
    },
  };
}
