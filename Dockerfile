# One image for server, worker and commands: which of them runs is the command. Built and run with nothing of the host.

FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No package runs code of its own at installation.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:22-slim AS packages
WORKDIR /packages
COPY package.json package-lock.json ./
# The embedded PostgreSQL is among the optional ones: here the database is another container.
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:22-slim
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/var/lib/billhead
WORKDIR /opt/billhead
RUN mkdir /var/lib/billhead && chown node:node /var/lib/billhead
COPY --from=packages /packages/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY package.json schema.graphql LICENSE ./
COPY prisma/migrations ./prisma/migrations
COPY src/fonts ./src/fonts
USER node
VOLUME /var/lib/billhead
EXPOSE 4000
# A worker answers on WORKER_PORT, a server on PORT.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.WORKER_PORT || process.env.PORT || 4000}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Without a shell in between, which would keep SIGTERM to itself.
CMD ["node", "dist/server.js"]
