// Writes a file for good: under a temporary name, flushed to the disk, then renamed. A name that is seen has its whole
// content behind it, whatever died meanwhile.

import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** Replaces what was there under the name. Makes the folder when there is none. */
export async function writeForGood(file: string, content: Uint8Array): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFlushed(temporary, content).catch(async (error: unknown) => {
      // Of many files in a folder the first alone has to make it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(path.dirname(file), { recursive: true });
      await writeFlushed(temporary, content);
    });
    await rename(temporary, file);
  } catch (error) {
    // The reason is what failed first.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await flushFolder(path.dirname(file));
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

/** Makes new names in a folder survive a power cut. Windows cannot open folders. */
export async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
