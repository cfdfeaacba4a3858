// Which font the other ways to a PDF embed: a whole one with the scripts of the European Union, as their users would take.

import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface Font {
  readonly name: string;
  readonly regular: string;
  readonly bold: string;
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const NOTO = '../../node_modules/@expo-google-fonts/noto-sans';

/** The one that Billhead draws with: cut down once, to the scripts that it prints. */
export const SUBSET: Font = {
  name: 'the subset of Noto Sans that Billhead has',
  regular: here('../../src/fonts/NotoSans-Regular.ttf'),
  bold: here('../../src/fonts/NotoSans-SemiBold.ttf'),
};

const WHOLE: readonly Font[] = [
  {
    name: 'Noto Sans',
    regular: here(`${NOTO}/400Regular/NotoSans_400Regular.ttf`),
    bold: here(`${NOTO}/600SemiBold/NotoSans_600SemiBold.ttf`),
  },
  {
    name: 'Noto Sans',
    regular: '/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf',
    bold: '/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf',
  },
  {
    name: 'DejaVu Sans',
    regular: '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf',
    bold: '/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf',
  },
];

/** The first whole font that is installed; the subset where none is. */
export async function findFont(): Promise<Font> {
  for (const font of WHOLE) {
    const isThere = await Promise.all([access(font.regular), access(font.bold)]).then(
      () => true,
      () => false,
    );
    if (isThere) return font;
  }
  return SUBSET;
}
