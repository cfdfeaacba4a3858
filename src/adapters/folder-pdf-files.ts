// PDF files in a folder, named by the SHA-256 of their content.
//
// A file is written under a temporary name, flushed to the disk and then renamed: a name that is seen has its whole
// content behind it, whatever died meanwhile. Writing the same content twice is harmless.

import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { PdfFiles } from '../ports.ts';

export function folderPdfFiles(folder: string): PdfFiles {
  const locate = (sha256: string) => path.join(folder, sha256.slice(0, 2), `${sha256}.pdf`);
  return {
    write: async (content) => {
      const sha256 = createHash('sha256').update(content).digest('hex');
      const target = locate(sha256);
      await mkdir(path.dirname(target), { recursive: true });
      const temporary = `${target}.${randomUUID()}.tmp`;
      try {
        await writeFlushed(temporary, content);
        await rename(temporary, target);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
      await flushFolder(path.dirname(target));
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
  };
}

async function writeFlushed(file: string, content: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o640);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

// The rename itself is only safe from a power cut once the folder is on the disk; Windows cannot open folders.
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
