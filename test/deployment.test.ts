// Dockerfile, compose.yaml and the README's table of settings: they name what is there, and what the image holds is enough.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig, SETTINGS } from '../src/config.ts';
import { startCommand } from './setup/child-process.ts';
import { createTestDatabase } from './setup/database.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');

interface Service {
  readonly command?: readonly string[];
  readonly image: string;
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: object;
}

interface Compose {
  readonly services: Readonly<Record<'server' | 'worker' | 'postgres' | 'redis', Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as Compose;
const OURS = ['server', 'worker'] as const;
const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ');
const lines = (instruction: string) =>
  [...dockerfile.matchAll(new RegExp(`^ *${instruction} +(.*)$`, 'gm'))].map(([, rest = '']) => rest);

/** As Compose fills them in, from variables that are all set. */
function environmentOf(name: (typeof OURS)[number], env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(services[name].environment ?? {}).map(([key, value]) => [
      key,
      String(value).replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, variable: string, sign: string, rest: string) => {
        const given = env[variable];
        if (given) return given;
        if (sign === '?') throw new Error(`${variable} ${rest}`);
        return rest;
      }),
    ]),
  );
}

const ENV = { POSTGRES_PASSWORD: '0123456789abcdef', PUBLIC_URL: 'https://invoices.example.com' };

describe('compose.yaml', () => {
  test.each(OURS)('%s: every variable is a setting, and they are read without a fault', (name) => {
    expect(Object.keys(services[name].environment ?? {}).filter((key) => !SETTINGS.includes(key))).toEqual([]);
    const config = readConfig(environmentOf(name, ENV));
    expect(config).toMatchObject({ publicUrl: ENV.PUBLIC_URL, gateway: { kind: 'none' }, metricsToken: null });
    expect(config.databaseUrl).toContain('@postgres:5432/billhead');
    const grace = Number(/^(\d+)s$/.exec(services[name].stop_grace_period ?? '')?.[1]) * 1_000;
    expect(grace).toBeGreaterThan(25_000 + config.drainMs);
  });

  test('no password is published: without .env nothing starts', () => {
    for (const name of OURS) {
      expect(() => environmentOf(name, {})).toThrow('POSTGRES_PASSWORD is missing in .env');
      expect(() => environmentOf(name, { ...ENV, PUBLIC_URL: '' })).toThrow('PUBLIC_URL is missing in .env');
    }
    expect(services.postgres.environment?.['POSTGRES_PASSWORD']).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
    expect(read('.env.example')).toMatch(/^POSTGRES_PASSWORD=$/m);
    for (const ignore of ['.gitignore', '.dockerignore']) expect(read(ignore).split('\n')).toContain('.env');
  });

  test('.env.example names every variable that compose.yaml takes, and no other', () => {
    const taken = new Set([...read('compose.yaml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    const named = [...read('.env.example').matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    expect({ extra: named.filter((name) => !taken.has(name)), count: named.length }).toEqual({
      extra: [],
      count: taken.size,
    });
  });

  test('what must last lies on volumes, which servers and workers share; Redis forgets nothing', () => {
    const mounted = Object.values(services).flatMap((service) => service.volumes ?? []);
    expect(new Set(mounted.map((one) => one.split(':')[0]))).toEqual(new Set(Object.keys(volumes)));
    const dataDir = /DATA_DIR=(\S+)/.exec(dockerfile)?.[1];
    for (const name of OURS) expect(services[name].volumes).toEqual([`files:${dataDir}`]);
    expect(services.redis.command?.join(' ')).toContain('--maxmemory-policy noeviction');
    expect(services.redis.command?.join(' ')).toContain('--appendonly yes');
    for (const name of ['postgres', 'redis'] as const) expect(services[name].healthcheck).toBeDefined();
  });
});

describe('the Dockerfile', () => {
  const commands = [
    ...lines('CMD').map((line) => JSON.parse(line) as string[]),
    ...OURS.map((name) => services[name].command ?? []),
  ];

  test('copies what there is, and starts what is built', () => {
    const sources = lines('COPY').flatMap((line) => (line.includes('--from=') ? [] : line.split(' ').slice(0, -1)));
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources)
      expect({ source, is: existsSync(path.join(ROOT, source)) }).toEqual({ source, is: true });
    const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
    for (const [, script = ''] of dockerfile.matchAll(/npm run (\S+)/g)) expect(scripts).toHaveProperty([script]);
    for (const [program, entry = ''] of commands.filter(([, second]) => second !== '-e')) {
      expect(program).toBe('node');
      expect(existsSync(path.join(ROOT, entry.replace(/^dist\/(.*)\.js$/, 'src/$1.ts')))).toBe(true);
    }
  });

  test('runs as nobody of importance, without a shell before it, and without code of packages at installation', () => {
    expect(lines('USER')).toEqual(['node']);
    expect(lines('ENTRYPOINT')).toEqual([]);
    expect(commands.length).toBe(3);
    for (const line of lines('RUN').filter((one) => one.includes('npm ci'))) expect(line).toContain('--ignore-scripts');
  });

  test('what it copies is enough: server and worker come up from it alone, and its check finds them', async () => {
    const image = await mkdtemp(path.join(os.tmpdir(), 'billhead-image-'));
    const database = await createTestDatabase();
    onTestFinished(async () => {
      await database.drop();
      await rm(image, { recursive: true, force: true });
    });
    await chmod(image, 0o711);
    const tsc = spawnSync('npx', ['tsc', '-p', 'src', '--outDir', path.join(image, 'dist')], { cwd: ROOT });
    expect({ status: tsc.status, output: String(tsc.stdout) }).toEqual({ status: 0, output: '' });
    // The last stage, after packages and build.
    const last = dockerfile.slice(dockerfile.lastIndexOf('FROM '));
    for (const [, line = ''] of last.matchAll(/^COPY (?!--from)(.*)$/gm)) {
      const [target = '', ...sources] = line.split(' ').toReversed();
      for (const source of sources) {
        const to = target === './' ? path.join(image, path.basename(source)) : path.join(image, target);
        await cp(path.join(ROOT, source), to, { recursive: true });
      }
    }
    await symlink(path.join(ROOT, 'node_modules'), path.join(image, 'node_modules'));
    const [check = []] = lines('HEALTHCHECK').map((line) => JSON.parse(line.slice(line.indexOf('['))) as string[]);
    const [, ...checkArguments] = check;
    for (const [entry, port] of [
      ['server', 'PORT'],
      ['worker', 'WORKER_PORT'],
    ] as const) {
      const env = { DATABASE_URL: database.url, DATA_DIR: path.join(image, 'data'), [port]: '0' };
      const running = startCommand([path.join(image, 'dist', `${entry}.js`)], env, image);
      onTestFinished(() => void running.child.kill('SIGKILL'));
      const output = await running.waitFor(`${entry}.listening`);
      const found = /"address":"http:\/\/[^"]+:(\d+)"/.exec(output)?.[1];
      const isWell = startCommand(checkArguments, { [port]: found }, image);
      expect(await isWell.exit()).toBe(0);
      expect(await running.end('SIGTERM')).toBe(0);
      expect(await startCommand(checkArguments, { [port]: found }, image).exit()).toBe(1);
    }
  }, 120_000);
});

test('the README has a row for every setting', () => {
  const rows = new Set([...read('README.md').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, name]) => name));
  expect(SETTINGS.filter((name) => !rows.has(name))).toEqual([]);
});
